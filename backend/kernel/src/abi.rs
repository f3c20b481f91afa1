//! Which binary interfaces the kernel has for programs besides its own.

use rustix::fs::{MemfdFlags, memfd_create};
use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsRawFd,
    process::{Command, Stdio},
};

/// A program of x32, that is of 64 bits with pointers of 32 (elf(5): ELFCLASS32 with EM_X86_64), which exits with 0 by x32's
/// own system call.
#[rustfmt::skip]
const X32_PROGRAM: [u8; 95] = [
    // The head: an executable for EM_X86_64 (62), which begins at 0x400054, has its one segment's head behind this head.
    0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 62, 0, 1, 0, 0, 0, 0x54, 0, 0x40, 0, 52, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    // The segment: the whole file at 0x400000, read and executed.
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x40, 0,
    0x5f, 0, 0, 0, 0x5f, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
    // xor edi, edi; mov eax, 0x40000000 + 60 (exit); syscall; ud2
    0x31, 0xff, 0xb8, 60, 0, 0, 0x40, 0x0f, 0x05, 0x0f, 0x0b,
];

/// Whether the kernel runs programs of x32: most are built without (`CONFIG_X86_X32_ABI`), and Debian's are told to at boot
/// (`syscall.x32=y`). Where it does not, each system call of x32 fails. Found out by running one; true where that can't be
/// tried.
pub fn has_x32() -> bool {
    cfg!(target_arch = "x86_64") && run(&X32_PROGRAM).unwrap_or_else(|error| error.raw_os_error() != Some(ENOEXEC))
}

/// No format that the kernel runs (errno(3)).
const ENOEXEC: i32 = 8;

/// Runs a program from memory, so that no file system has to allow it. Whether it ends well.
fn run(program: &[u8]) -> io::Result<bool> {
    let mut file = File::from(memfd_create("program", MemfdFlags::CLOEXEC)?);
    file.write_all(program)?;
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_from_memory() {
        let truth = std::fs::read("/bin/true").unwrap();
        assert!(run(&truth).unwrap());
        assert!(!run(b"#!/bin/false\n").unwrap_or(false));
        // One of no machine is refused in the same way as one of an interface that the kernel lacks.
        let mut alien = X32_PROGRAM;
        alien[18] = 0xff;
        assert!(!run(&alien).is_ok_and(|is_success| is_success));
    }
}
