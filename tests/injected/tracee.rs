//! A traced process that executes system calls of the test (x86-64).

use nix::sys::ptrace;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

/// A process that is stopped.
pub struct Tracee {
    pid: Pid,
    /// The registers when it was stopped.
    saved: libc::user_regs_struct,
    /// Address of an instruction `syscall`.
    instruction: u64,
    memory: File,
    /// The next free address for arguments.
    free: u64,
}

/// Why a call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The process was killed.
    Killed,
    /// The call returned this error number.
    Errno(i32),
    /// The call succeeded, and nothing changed.
    NoEffect,
    /// The process does not hold a descriptor that the call needs.
    NotHeld,
    /// The call needs a process of the program that does not run.
    NoProcess,
}

/// The code of `syscall`.
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// Free stack below the stack pointer, and the part that is used for arguments.
const BELOW_STACK: u64 = 32 << 10;
const ARGUMENTS: u64 = 16 << 10;

impl Tracee {
    /// Stops a process.
    pub fn attach(process: u32) -> Self {
        let pid = Pid::from_raw(process.cast_signed());
        let memory = OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem"));
        let memory = memory.expect("root may write its memory");
        ptrace::attach(pid).expect("root may trace it");
        wait(pid).expect("it stops");
        let saved = ptrace::getregs(pid).expect("it is stopped");
        let instruction = find_instruction(pid, &memory);
        let free = (saved.rsp - BELOW_STACK) & !15;
        Self { pid, saved, instruction, memory, free }
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Copies an argument to the stack of the process; its address.
    pub fn put(&mut self, bytes: &[u8]) -> u64 {
        let end = (self.saved.rsp - BELOW_STACK) + ARGUMENTS;
        let size = u64::try_from(bytes.len()).expect("it is short").next_multiple_of(16);
        if self.free + size > end {
            self.free = (self.saved.rsp - BELOW_STACK) & !15;
        }
        let address = self.free;
        self.memory.write_all_at(bytes, address).expect("the stack is writable");
        self.free += size;
        address
    }

    /// Makes a system call; its result.
    pub fn call(&mut self, call: i64, arguments: &[u64]) -> Result<i64, Refusal> {
        let argument = |index: usize| arguments.get(index).copied().unwrap_or_default();
        let registers = libc::user_regs_struct {
            rip: self.instruction,
            rax: call.cast_unsigned(),
            // The kernel must not restart the call that was interrupted.
            orig_rax: u64::MAX,
            rdi: argument(0),
            rsi: argument(1),
            rdx: argument(2),
            r10: argument(3),
            r8: argument(4),
            r9: argument(5),
            ..self.saved
        };
        ptrace::setregs(self.pid, registers).expect("it is stopped");
        ptrace::step(self.pid, None).expect("it is stopped");
        wait(self.pid)?;
        let result = ptrace::getregs(self.pid).expect("it is stopped").rax.cast_signed();
        match i32::try_from(-result) {
            Ok(error @ 1..4096) => Err(Refusal::Errno(error)),
            _ => Ok(result),
        }
    }

    /// Lets the process continue where it was stopped.
    pub fn detach(self) {
        ptrace::setregs(self.pid, self.saved).expect("it is stopped");
        ptrace::detach(self.pid, None).expect("it is stopped");
    }
}

/// Waits until the process stops. If it ends, its status stays for the owner of the child process.
fn wait(pid: Pid) -> Result<(), Refusal> {
    let both = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL;
    match waitid(Id::Pid(pid), both | WaitPidFlag::WNOWAIT).expect("it is traced") {
        WaitStatus::Exited(..) | WaitStatus::Signaled(..) => Err(Refusal::Killed),
        _ => {
            let stopped = WaitPidFlag::WSTOPPED | WaitPidFlag::__WALL;
            waitid(Id::Pid(pid), stopped).expect("it is stopped");
            Ok(())
        }
    }
}

/// The address of an instruction `syscall` in the executable mappings.
fn find_instruction(pid: Pid, memory: &File) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let executable = maps.lines().filter(|line| line.contains(" r-xp "));
    let mut found = executable.filter_map(|line| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let (start, end) = (number(start)?, number(end)?);
        let mut code = vec![0; usize::try_from(end - start).ok()?];
        memory.read_exact_at(&mut code, start).ok()?;
        let offset = code.windows(SYSCALL.len()).position(|code| code == SYSCALL)?;
        Some(start + u64::try_from(offset).ok()?)
    });
    found.next().expect("programs make system calls")
}
