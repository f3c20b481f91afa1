//! `run -d` as a whole, by the docker command and by what that asks of the API, beside the OCI runtime alone on a bundle that
//! the daemon made; and where the time goes.

use crate::{
    alone::Alone,
    measure::{Times, aim, in_units, line, timed, title},
    served::{Client, Log, Served},
};
use std::{process::Stdio, time::Duration};

const WARM_UP: usize = 3;
/// What Docker 28.2 takes for `run -d` by its command on two cores.
const DOCKER: Duration = Duration::from_millis(147);

pub(crate) fn print(count: usize) {
    let served = Served::open(Log::Warnings);
    let mut client = served.client();
    let alone = Alone::new(&served, &mut client);
    let [mut command, mut bare_command, mut api, mut runtime, mut removal, mut deletion] =
        [const { Times(Vec::new()) }; 6];
    for number in 0..count + WARM_UP {
        let (id, time) = timed(|| client.run("bridge"));
        api.push(time);
        removal.push(timed(|| client.remove(&id)).1);

        let name = format!("alone{number}");
        alone.prepare(&name);
        runtime.push(timed(|| alone.run(&name)).1);
        deletion.push(timed(|| alone.delete(&name)).1);

        let (id, time) = timed(|| docker_run(&served));
        command.push(time);
        client.remove(&id);
        bare_command.push(timed(|| served.docker(&["--version"]).stdout(Stdio::null()).status().unwrap()).1);
    }
    for times in [&mut command, &mut bare_command, &mut api, &mut runtime, &mut removal, &mut deletion] {
        times.0.drain(..WARM_UP);
    }
    let program = &alone.program;
    title(&format!("run -d, {count} in a row"));
    line(&format!("{program} run -d alone, on a bundle that is ready"), &runtime, &[]);
    line("the whole by API: create, start", &api, &[("runtime", runtime.median())]);
    line("the whole by the docker command", &command, &[("runtime", runtime.median()), ("Docker 28.2", DOCKER)]);
    line("the docker command's own: --version", &bare_command, &[]);
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    aim("run -d by API / runtime", ratio(api.median(), runtime.median()), 1.6);
    aim("run -d by the docker command / Docker 28.2", ratio(command.median(), DOCKER), 0.5);
    title(&format!("rm --force, {count} in a row"));
    line(&format!("{program} delete --force alone"), &deletion, &[]);
    line("the whole by API", &removal, &[("runtime", deletion.median())]);
    drop(alone);
    served.close();
    laps(count.min(50));
}

fn docker_run(served: &Served) -> String {
    let output = served.docker(&["run", "-d", "busybox", "sleep", "100000"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Where the time goes, in a daemon that writes it down.
fn laps(count: usize) {
    let served = Served::open(Log::Laps);
    let mut client = served.client();
    let once = |client: &mut Client| {
        let id = client.run("bridge");
        client.remove(&id);
    };
    (0..WARM_UP).for_each(|_| once(&mut client));
    served.laps();
    (0..count).for_each(|_| once(&mut client));
    println!("  of these, in the daemon:");
    for (name, times) in served.laps() {
        let (median, p95) = (in_units(times.median()), in_units(times.quantile(95)));
        println!("    {name:<50} {:>5} {median:>10} {p95:>10}", times.0.len());
    }
    served.close();
}
