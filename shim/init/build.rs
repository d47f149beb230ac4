//! Links nexcage-init without a C runtime and at fixed addresses, so that it runs in an empty root
//! file system: a plain `cargo build` is enough.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for argument in [
        // `start.rs` has the entry point and every symbol that the compiler asks of a C library.
        "-nostartfiles",
        "-nostdlib",
        // No interpreter and no relocations, of which nobody would take care.
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-Wl,-z,noexecstack",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
