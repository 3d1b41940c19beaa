//! Any bytes: no panic, and a bounded amount of them is read.

use super::*;
use std::io::Write;

/// Numbers that repeat in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.below(256).to_le_bytes()[0]
    }
}

const SAMPLES: &[&str] = &[
    "x64.efi",
    "ia32.efi",
    "shim.efi",
    "stub-kernel",
    "ipxe-embedded.efi",
    "option-rom",
    "undionly",
];
const CLIENTS: &[&str] = &["0", "7", "9", "11", "16", "31", "33", "300", "ipxe 0", "ipxe 7"];

fn examine(bytes: &[u8]) {
    let program = BootProgram::read(bytes, bytes.len() as u64).unwrap();
    for name in CLIENTS {
        compare(&program, Path::new("/x"), client(name));
        explain_repeated_load(&program, Path::new("/x"), client(name));
    }
}

#[test]
fn each_prefix_of_a_program_is_examined_without_panic() {
    for name in SAMPLES {
        let bytes = file(name);
        (0..bytes.len().min(1200)).for_each(|len| examine(&bytes[..len]));
    }
}

#[test]
fn changed_bytes_are_examined_without_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for name in SAMPLES {
        let original = file(name);
        for _ in 0..3000 {
            let mut bytes = original.clone();
            for _ in 0..=random.below(8) {
                let index = random.below(bytes.len());
                bytes[index] = if random.below(2) == 0 { 0xff } else { random.byte() };
            }
            examine(&bytes);
        }
    }
}

#[test]
fn random_bytes_are_examined_without_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3000 {
        let len = random.below(700);
        let mut bytes: Vec<u8> = (0..len).map(|_| random.byte()).collect();
        bytes.splice(0..bytes.len().min(2), *b"MZ");
        examine(&bytes);
    }
}

/// A file without end, which counts what is read.
struct Endless(usize);

impl Read for Endless {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len();
        buffer.write_all(&vec![0; len])?;
        self.0 += len;
        Ok(len)
    }
}

#[test]
fn file_without_end_is_searched_up_to_the_limit() {
    let mut endless = Endless(0);
    ipxe::search(&file("ipxe.efi"), &mut endless).unwrap();
    assert!(endless.0 <= ipxe::MAX_SEARCHED + format::HEADER_LEN, "{} bytes", endless.0);
}
