//! Links nexcage-init without a C runtime and at fixed addresses, so that it runs in an empty root
//! file system: a plain `cargo build` is enough. The commit that it tells of is that of a package's build.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NEXCAGE_COMMIT");
    let commit = std::env::var("NEXCAGE_COMMIT").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=NEXCAGE_COMMIT={commit}");
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
