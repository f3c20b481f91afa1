//! The chapter that teachers of Docker's networking teach from, typed from its first command to its last, with the images
//! of docker/lab from a registry on this machine. `cargo xtask chapter` runs it for a person to watch.

mod book;
mod compare;
pub(crate) mod lab;
mod labs;
mod terminal;

use crate::harness::{Daemon, Folders, docker_is_there, is_there, run, wait_for};
use book::{Book, Kind, Shell, Typed};
use drawbridge_kernel::testing::check_in_sandbox;
use lab::Lab;
use std::fs;
use terminal::Terminal;

/// What the chapter does not print, but has done: before the first block of a section.
const UNWRITTEN: &[(&str, &[&str], &str)] = &[
    ("端口转发", &["docker container rm -f box1 box2"], "the chapter's web server has the address that box1 had"),
    (
        "镜像准备",
        &["docker container rm -f web client", "docker image rm busybox nginx"],
        "the chapter lists the images of a machine that has no others",
    ),
    (
        "总结",
        &["docker container rm -f flask-demo redis-server", "docker network rm demo-network"],
        "the script makes all of it again",
    ),
];

#[test]
fn every_command_works() {
    let programs = ["docker-registry", "brctl", "sudo", "iptables", "curl"];
    if !docker_is_there() || !programs.iter().all(|program| is_there(program)) {
        return;
    }
    let Some(debian) = lab::debian() else { return };
    check_in_sandbox(|| {
        let book = Book::read(include_str!("../../../../docker/lab/chapter.md"));
        let folders = Folders::new();
        let lab = Lab::start(&folders.root, &debian);
        let daemon = Daemon::start_with(Folders::new(), &["--registry-mirror", &lab.mirror()]);
        show("# building the images of docker/lab and pushing them to a registry on this machine");
        lab.fill(&daemon);
        let mut reader = Reader::new(&daemon, &book);
        for block in &book.blocks {
            reader.prepare(&block.section);
            match &block.kind {
                Kind::File(name, text) => reader.write(name, text),
                Kind::Script(text) => reader.run_script(text),
                Kind::Session(typed) => reader.session(typed),
            }
        }
        assert!(reader.unwritten.is_empty(), "{:?}", reader.unwritten);

        show("\n# the same scenes as lab files: docker/lab/port-forwarding.yaml and flask-redis.yaml");
        reader.enter("docker container rm -f flask-demo redis-server");
        reader.enter("docker network rm demo-network");
        labs::come_up(&daemon);
    });
}

/// What is typed as soon as the web server was started.
const WGET: &str = "docker container exec -it client wget http://172.17.0.2";

/// Someone who reads the chapter and does what it says.
struct Reader<'a> {
    daemon: &'a Daemon,
    book: &'a Book,
    terminal: Terminal,
    unwritten: &'static [(&'static str, &'static [&'static str], &'static str)],
}

/// For a person to watch.
fn show(text: &str) {
    if std::env::var_os("DRAWBRIDGE_CHAPTER").is_some_and(|value| value == "watch") {
        println!("{}", text.trim_end());
    }
}

impl<'a> Reader<'a> {
    fn new(daemon: &'a Daemon, book: &'a Book) -> Self {
        let folder = daemon.folders().root.join("class");
        fs::create_dir(&folder).unwrap();
        let variables = [
            ("DOCKER_HOST", format!("unix://{}", daemon.socket().display())),
            ("DOCKER_CONFIG", daemon.folders().root.join("docker-config").display().to_string()),
        ];
        let terminal = Terminal::open(&folder, &variables);
        Self { daemon, book, terminal, unwritten: UNWRITTEN }
    }

    fn prepare(&mut self, section: &str) {
        let Some(((_, commands, because), rest)) = self.unwritten.split_first().filter(|(next, _)| next.0 == section)
        else {
            return;
        };
        self.unwritten = rest;
        show(&format!("\n# {because}:"));
        for command in *commands {
            self.enter(command);
        }
    }

    fn write(&self, name: &str, text: &str) {
        show(&format!("\n# the file {name}"));
        fs::write(self.daemon.folders().root.join("class").join(name), text).unwrap();
    }

    fn run_script(&mut self, text: &str) {
        self.write("summary.sh", text);
        self.enter("sh -e summary.sh");
        self.look_at_the_page();
    }

    fn session(&mut self, commands: &[Typed]) {
        show("");
        let mut is_open = false;
        for (at, typed) in commands.iter().enumerate() {
            let opens =
                commands.get(at + 1).is_some_and(|next| next.shell == Shell::Opened) && typed.shell == Shell::Own;
            if opens {
                show(&format!("$ {}", typed.command));
                self.terminal.open_shell(&typed.command);
                is_open = true;
            } else {
                self.follow(typed);
            }
        }
        if is_open {
            self.terminal.leave_shell();
        }
    }

    /// Types a command of the chapter and compares what it prints.
    fn follow(&mut self, typed: &Typed) {
        let command = typed.command.as_str();
        let interrupted = typed.prints.iter().position(|line| line == "^C");
        match command {
            // Until the kernel has made the cable's own address and seen that nobody else has it, which takes a second or two.
            "ip a" => self.settle("ip -6 addr show scope link -tentative | grep -c inet6", "1"),
            // Until the server listens, for which a reader's hand is slow enough.
            WGET => self.settle("curl -sf -o /dev/null http://172.17.0.2; echo $?", "0"),
            _ => {}
        }
        let printed = match interrupted {
            // Ctrl-C comes when it comes: where one more packet was sent meanwhile, it is typed again.
            Some(lines) => wait_for(command, || {
                show(&format!("$ {command}"));
                let (printed, _) = self.terminal.enter_and_interrupt(command, lines);
                show(&printed);
                let mut counts = typed.prints.iter().filter_map(|line| line.split_once(", time"));
                counts.all(|(count, _)| printed.contains(count)).then_some(printed)
            }),
            None => self.enter(command),
        };
        if !typed.prints.is_empty() {
            let difference = compare::difference(command, &typed.prints, &printed);
            assert!(difference.is_none(), "$ {command}\n{}", difference.unwrap_or_default());
        }
        self.look_further(command, &printed);
    }

    /// Types a command, which must succeed.
    fn enter(&mut self, command: &str) -> String {
        show(&format!("$ {command}"));
        let (printed, code) = self.terminal.enter(command);
        show(&printed);
        assert_eq!(code, 0, "$ {command}\n{printed}");
        printed
    }

    fn settle(&mut self, command: &str, wanted: &str) {
        wait_for(command, || (self.terminal.enter(command).0.trim() == wanted).then_some(()));
    }

    /// What the chapter says, but does not print.
    fn look_further(&mut self, command: &str, printed: &str) {
        match command {
            "docker container inspect --format '{{.NetworkSettings.IPAddress}}' web" => {
                assert_eq!(printed.trim(), "172.17.0.2")
            }
            WGET => {
                let page = self.enter("docker container exec client cat index.html");
                assert!(page.contains("Welcome to nginx!"), "{page}");
                assert_eq!(run("curl", &["-sS", "http://127.0.0.1:8080"]).trim(), page.replace('\r', "").trim());
            }
            "sudo iptables --list -t nat" => {
                let masqueraded = self.enter("sudo nft list set inet drawbridge masqueraded4");
                assert!(masqueraded.contains("\"docker0\""), "{masqueraded}");
            }
            "sudo iptables -t nat -nvxL" => {
                let published = self.enter("sudo nft list map inet drawbridge published4");
                assert!(published.contains("tcp . 8080 : 172.17.0.2 . 80"), "{published}");
            }
            flask if flask.ends_with("-p 5000:5000 flask-demo") => self.look_at_the_page(),
            _ => {}
        }
    }

    /// The page counts, through Redis by its name, and knows its host's name.
    fn look_at_the_page(&mut self) {
        let address = "http://127.0.0.1:5000";
        self.settle(&format!("curl -sf -o /dev/null {address}; echo $?"), "0");
        let look = |reader: &mut Self| {
            let page = reader.enter(&format!("curl -sS {address}"));
            assert_eq!(compare::mask(page.trim()), compare::mask(&reader.book.page));
            let count = page.split(' ').find_map(|word| word.parse::<u32>().ok());
            (count.unwrap(), page.trim().trim_end_matches('.').rsplit(' ').next().unwrap_or_default().to_owned())
        };
        let (first, host) = look(self);
        assert_eq!(look(self), (first + 1, host.clone()));
        assert!(
            self.daemon.docker(&["container", "ls", "--no-trunc", "-q", "-f", "name=flask-demo"]).starts_with(&host)
        );
    }
}
