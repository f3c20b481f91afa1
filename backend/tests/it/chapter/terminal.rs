//! A terminal with a shell in it, into which commands are typed one after the other, as a person does: `docker exec -it`
//! wants a terminal, and Ctrl-C ends what would not end.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Builds and pulls are among the commands.
const DEADLINE: Duration = Duration::from_secs(120);

pub(super) struct Terminal {
    child: Child,
    input: ChildStdin,
    screen: Arc<Mutex<String>>,
    /// Up to where the screen was read.
    read: usize,
    /// The number of the last mark.
    marks: u32,
    /// That of the mark that comes when the opened shell is left.
    left: u32,
}

impl Terminal {
    pub(super) fn open(folder: &Path, variables: &[(&str, String)]) -> Self {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new("script")
            .args(["--quiet", "--flush", "--command", "bash --norc --noprofile --noediting", "/dev/null"])
            .current_dir(folder)
            .env("PATH", path)
            .env("TERM", "dumb")
            .env("LC_ALL", "C.UTF-8")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = screen.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let mut terminal = Self { child, input, screen, read: 0, marks: 0, left: 0 };
        terminal.silence();
        terminal
    }

    /// Types a command that ends by itself; what it printed, and its exit code.
    pub(super) fn enter(&mut self, command: &str) -> (String, i32) {
        // In one line: what is typed behind a running command would be that command's to read.
        let end = self.mark();
        self.send(&format!("{command}; {end}\n"));
        self.end_of(command)
    }

    /// Types a command that opens a shell in this one, and makes that one as silent.
    pub(super) fn open_shell(&mut self, command: &str) {
        let left = self.mark();
        self.left = self.marks;
        self.send(&format!("{command}; {left}\n"));
        self.silence();
    }

    /// Leaves the shell that was opened.
    pub(super) fn leave_shell(&mut self) {
        self.send("exit\n");
        self.read_to_mark("exit", self.left);
    }

    /// Types a command, and Ctrl-C as soon as it has printed so many lines.
    pub(super) fn enter_and_interrupt(&mut self, command: &str, lines: usize) -> (String, i32) {
        // Behind `;` nothing would be run: Ctrl-C ends the shell's whole line.
        self.send(&format!("{command}\n"));
        self.wait(command, |text| (text.matches('\n').count() >= lines).then_some(()));
        let before = self.screen.lock().unwrap().len();
        self.send("\x03");
        // The shell is back when the command has said its last; only then is the mark typed.
        let end = self.mark();
        let begun = Instant::now();
        while !self.screen.lock().unwrap()[before..].contains("rtt ") {
            assert!(begun.elapsed() < DEADLINE, "{command} does not end");
            thread::sleep(Duration::from_millis(10));
        }
        self.send(&format!("{end}\n"));
        self.end_of(command)
    }

    /// No prompt, no echo, no line editing: what is on the screen is what the commands print.
    fn silence(&mut self) {
        let end = self.mark();
        self.send(&format!("set +o emacs; stty -echo cols 200; PS1=; {end}\n"));
        self.end_of("a shell");
    }

    /// A command that prints the end's mark and the exit code of what was before it.
    fn mark(&mut self) -> String {
        self.marks += 1;
        // In two pieces, so that its echo is not taken for it.
        format!("printf '\\n%s-{}-%d.\\n' 'the''end' $?", self.marks)
    }

    fn send(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).and_then(|()| self.input.flush()).unwrap();
    }

    fn end_of(&mut self, command: &str) -> (String, i32) {
        self.read_to_mark(command, self.marks)
    }

    /// What was printed up to a mark, and the exit code in it.
    fn read_to_mark(&mut self, command: &str, number: u32) -> (String, i32) {
        let mark = format!("\ntheend-{number}-");
        let (text, code, length) = self.wait(command, |text| {
            let (before, after) = text.split_once(&mark)?;
            let (code, _) = after.split_once(".\n")?;
            let length = before.len() + mark.len() + code.len() + 2;
            Some((before.to_owned(), code.parse().unwrap(), length))
        });
        self.read += length;
        (text, code)
    }

    /// Waits until what was printed since the last mark has something. A terminal's lines end with CR LF.
    fn wait<T>(&self, command: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let text = self.screen.lock().unwrap().replace('\r', "");
            if let Some(value) = found(&text[self.read..]) {
                return value;
            }
            assert!(begun.elapsed() < DEADLINE, "`{command}` does not end:\n{}", &text[self.read..]);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
