//! The chapter's text, docker/lab/chapter.md, as what is to be done: files to write and commands to type, in its order.

/// One fenced block.
pub(super) struct Block {
    /// The heading above it.
    pub(super) section: String,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// A file's name and its text.
    File(String, String),
    /// A script without a name: the whole of it, to be run.
    Script(String),
    /// What is typed in a terminal.
    Session(Vec<Typed>),
}

/// A command, and what the chapter has it print.
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) prints: Vec<String>,
    pub(super) shell: Shell,
}

/// In whose shell it is typed, by its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    /// `$`
    Own,
    /// `#`: one that a command before it has opened.
    Opened,
}

pub(super) struct Book {
    pub(super) blocks: Vec<Block>,
    /// What a browser shows in the end.
    pub(super) page: String,
}

impl Book {
    pub(super) fn read(text: &str) -> Self {
        let mut book = Self { blocks: Vec::new(), page: String::new() };
        let (mut section, mut named) = (String::new(), None);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                let file = named.take().or((language == "dockerfile").then(|| "Dockerfile".to_owned()));
                let kind = match (language, file) {
                    ("bash", _) => Kind::Session(session(&body)),
                    (_, Some(name)) => Kind::File(name, body.join("\n") + "\n"),
                    (_, None) => Kind::Script(body.join("\n") + "\n"),
                };
                book.blocks.push(Block { section: section.clone(), kind });
            } else if line.starts_with('#') {
                section = line.trim_start_matches('#').trim().to_owned();
            } else if line.starts_with("Hello ") {
                line.clone_into(&mut book.page);
            } else if let Some(name) = line.split('`').nth(1) {
                named = Some(name.to_owned());
            }
        }
        book
    }
}

fn session(lines: &[&str]) -> Vec<Typed> {
    let mut typed: Vec<Typed> = Vec::new();
    for line in lines {
        match (prompt(line), typed.last_mut()) {
            // A prompt at which nothing is typed ends what is printed.
            (Some((_, "")), _) => {}
            (Some((shell, command)), _) => {
                typed.push(Typed { command: command.to_owned(), prints: Vec::new(), shell });
            }
            (None, Some(last)) => last.prints.push((*line).to_owned()),
            (None, None) => panic!("the chapter prints this before a command: {line}"),
        }
    }
    typed
}

/// What stands behind `$`, `[user@host folder]$` or `[user@host folder]#`.
fn prompt(line: &str) -> Option<(Shell, &str)> {
    let rest = match line.strip_prefix('[') {
        Some(bracket) if line.contains('@') => bracket.split_once(']')?.1,
        _ => line,
    };
    let shell = if rest.starts_with('#') { Shell::Opened } else { Shell::Own };
    let command = rest.strip_prefix(['$', '#'])?;
    (command.is_empty() || command.starts_with(' ')).then(|| (shell, command.trim()))
}

#[test]
fn the_chapter_is_read_whole() {
    let book = Book::read(include_str!("../../../../docker/lab/chapter.md"));
    let (mut commands, mut opened, mut files, mut scripts) = (0, 0, Vec::new(), 0);
    for block in &book.blocks {
        match &block.kind {
            Kind::File(name, _) => files.push(name.as_str()),
            Kind::Script(_) => scripts += 1,
            Kind::Session(typed) => {
                commands += typed.len();
                opened += typed.iter().filter(|typed| typed.shell == Shell::Opened).count();
            }
        }
    }
    assert_eq!(files, ["add-ns-to-br.sh", "app.py", "Dockerfile"]);
    assert_eq!((commands, opened, scripts), (30, 2, 1));
    assert!(book.page.starts_with("Hello Container World!"));
}
