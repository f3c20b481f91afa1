//! The program: one command line.

use anyhow::{Context, Result};
use clap::Parser;
use drawbridge::{
    boot, client,
    config::{Command, Config, Folders, Serve},
    doctor,
    http::serve,
    images::registry::RegistryOptions,
    ops::{self, ipam::Pools},
};
use drawbridge_api::Health;
use drawbridge_kernel::process;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// What calls itself for each folder of a container goes as deep as a path is long, some 2,000 levels. Only what is used of a
/// stack takes memory.
const STACK_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    let config = Config::parse();
    let filter = EnvFilter::try_from_env("DRAWBRIDGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(config.command) {
        Ok(code) => code,
        Err(error) => {
            // The chain of causes on one line, never a stack trace: it is for whoever runs the machine.
            eprintln!("drawbridge: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("cannot start the async runtime")?;
    let code = runtime.block_on(async {
        match command {
            Command::Serve(config) => serve(config).await,
            Command::Doctor(folders) => doctor(&folders).await,
            Command::Plan(folders) => plan(&folders).await,
            Command::Down(folders) => down(&folders).await,
            Command::Lab(lab) => Ok(client::lab::run(&lab).await?),
        }
    })?;
    // Tasks that watch containers never end by themselves.
    runtime.shutdown_background();
    Ok(code)
}

async fn serve(config: Serve) -> Result<ExitCode> {
    serve::check(&config)?;
    // Each container takes some: two sockets at which its names are answered, and its monitor's.
    if let Err(error) = process::raise_descriptor_limit() {
        tracing::warn!(%error, "cannot raise the limit of open descriptors");
    }
    let booted = boot::boot(&config.folders).await?;
    booted.daemon.use_pools(Pools::new(&config.address_pool, &ops::machine_id()));
    let (mirrors, insecure) = (config.registry_mirror.clone(), config.insecure_registry.clone());
    booted.daemon.images.use_registries(RegistryOptions { mirrors, insecure });
    ops::start::bring_up(&booted.daemon).await.context("cannot bring the networks up")?;
    ops::repair::watch(&booted.daemon).context("cannot look after the tables")?;
    ops::found::watch(&booted.daemon).context("cannot see what others make on this machine")?;
    serve::serve(booted.daemon, &config).await?;
    Ok(ExitCode::SUCCESS)
}

async fn plan(folders: &Folders) -> Result<ExitCode> {
    // Reads only, so it may look on while a daemon is at work.
    let booted = boot::look(folders).await?;
    let plan = booted.daemon.engine.drift()?;
    for step in &plan.steps {
        println!("# {}", step.title);
        step.commands.iter().for_each(|command| println!("{command}"));
    }
    Ok(if plan.steps.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

async fn down(folders: &Folders) -> Result<ExitCode> {
    let booted = boot::boot(folders).await?;
    ops::start::bring_up(&booted.daemon).await?;
    ops::start::take_down(&booted.daemon).await?;
    Ok(ExitCode::SUCCESS)
}

async fn doctor(folders: &Folders) -> Result<ExitCode> {
    let findings = doctor::check(folders).await;
    for finding in &findings {
        println!("{:8} {}: {}", finding.health.as_str(), finding.subject, finding.detail);
        if let Some(remedy) = &finding.remedy {
            println!("{:8} remedy: {remedy}", "");
        }
    }
    let lacking = findings.iter().any(|finding| finding.health == Health::Missing);
    Ok(if lacking { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
