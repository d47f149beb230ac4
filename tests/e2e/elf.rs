//! Programs of a few instructions: static ELF files that need nothing in the image.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What the program does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// Executes an undefined instruction: SIGILL.
    Fault,
    /// Ends with status 42, at once.
    Exit42,
    /// Sleeps until a signal ends it.
    Sleep,
    /// Makes the system call of this number with zeroes, and ends with its errno.
    Call(u16),
}

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

#[cfg(target_arch = "x86_64")]
fn code(does: Does) -> Vec<u8> {
    match does {
        // ud2
        Does::Fault => vec![0x0f, 0x0b],
        // mov eax, 231 (exit_group); mov edi, 42; syscall
        Does::Exit42 => vec![0xb8, 231, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05],
        // mov eax, 34 (pause); syscall; jmp to the start
        Does::Sleep => vec![0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7],
        // mov eax, number; syscall; neg eax; mov edi, eax; mov eax, 231 (exit_group); syscall
        Does::Call(number) => {
            let [low, high] = number.to_le_bytes();
            let end = [0x0f, 0x05, 0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];
            [&[0xb8, low, high, 0, 0][..], &end].concat()
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn code(does: Does) -> Vec<u8> {
    match does {
        // udf #0
        Does::Fault => vec![0, 0, 0, 0],
        // mov x8, #94 (exit_group); mov x0, #42; svc #0
        Does::Exit42 => vec![0xc8, 0x0b, 0x80, 0xd2, 0x40, 0x05, 0x80, 0xd2, 0x01, 0, 0, 0xd4],
        // movs: x0 to x4 = 0, x8 = 73 (ppoll); svc #0; branch to the start
        Does::Sleep => vec![
            0x00, 0, 0x80, 0xd2, 0x01, 0, 0x80, 0xd2, 0x02, 0, 0x80, 0xd2, 0x03, 0, 0x80, 0xd2, 0x04, 0,
            0x80, 0xd2, 0x28, 0x09, 0x80, 0xd2, 0x01, 0, 0, 0xd4, 0xf9, 0xff, 0xff, 0x17,
        ],
        // mov x8, number; svc #0; neg x0, x0; mov x8, #94 (exit_group); svc #0
        Does::Call(number) => {
            let first = 0xd280_0008_u32 | u32::from(number) << 5;
            let words = [first, 0xd400_0001, 0xcb00_03e0, 0xd280_0bc8, 0xd400_0001];
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        }
    }
}

/// Writes the program (elf(5): one header, one loadable segment that holds the whole file).
pub(crate) fn write(path: &Path, does: Does) {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let code = code(does);
    let length = HEADERS + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    for half in [2_u16, MACHINE] {
        put(&half.to_le_bytes());
    }
    put(&1_u32.to_le_bytes());
    for word in [BASE + HEADERS, 64, 0] {
        put(&word.to_le_bytes());
    }
    put(&0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        put(&half.to_le_bytes());
    }
    // PT_LOAD, readable and executable.
    for word in [1_u32, 5] {
        put(&word.to_le_bytes());
    }
    for word in [0, BASE, BASE, length, length, 0x1000] {
        put(&word.to_le_bytes());
    }
    put(&code);
    fs::write(path, file).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
