//! Pseudo-terminals (pty(7)).

use drawbridge_api::TerminalSize;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

/// A pseudo-terminal that changes nothing of what passes through it: whoever has the inner end edits and echoes.
#[derive(Debug)]
pub struct Terminal {
    /// Where a person's keys go in and the picture comes out. Does not block.
    pub outer: OwnedFd,
    /// What is a program's standard input, output and error.
    pub inner: OwnedFd,
}

impl Terminal {
    /// Makes one of that size.
    ///
    /// # Errors
    /// `ENOSPC` when the system has no more (kernel.pty.max), else what pty(7) says.
    pub fn open(size: TerminalSize) -> io::Result<Terminal> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let outer = openpt(flags)?;
        grantpt(&outer)?;
        unlockpt(&outer)?;
        // By descriptor and not by name: the name's /dev/pts may be that of another mount namespace.
        let inner = ioctl_tiocgptpeer(&outer, flags)?;
        let mut modes = tcgetattr(&inner)?;
        modes.make_raw();
        tcsetattr(&inner, OptionalActions::Now, &modes)?;
        fcntl_setfl(&outer, fcntl_getfl(&outer)? | OFlags::NONBLOCK)?;
        resize(&outer, size)?;
        Ok(Terminal { outer, inner })
    }
}

/// Tells a terminal its size, and by SIGWINCH those in its foreground.
///
/// # Errors
/// `ENOTTY` for what is no terminal.
pub fn resize(terminal: impl AsFd, size: TerminalSize) -> io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::termios::tcgetwinsize;
    use std::{
        fs::File,
        io::{Read, Write},
    };

    #[test]
    fn bytes_pass_unchanged_and_the_size_is_seen_inside() {
        let terminal = Terminal::open(TerminalSize { rows: 7, columns: 90 }).expect("a terminal");
        let size = tcgetwinsize(&terminal.inner).expect("it is a terminal");
        assert_eq!((size.ws_row, size.ws_col), (7, 90));
        let (mut outer, mut inner) = (File::from(terminal.outer), File::from(terminal.inner));
        let (typed, mut seen) = (b"a\r\n\x03\x04", [0; 5]);
        outer.write_all(typed).expect("there is room");
        inner.read_exact(&mut seen).expect("it is there at once");
        assert_eq!(&seen, typed);
        inner.write_all(b"b\n").expect("there is room");
        let mut seen = [0; 2];
        outer.read_exact(&mut seen).expect("it is there at once");
        assert_eq!(&seen, b"b\n", "nothing was echoed before it and no carriage return put in");
    }
}
