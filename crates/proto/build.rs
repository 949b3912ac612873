//! Compiles the protobuf contract without a protoc on the machine.

use std::path::PathBuf;

const FILES: &[&str] = &[
    "workapi/integrations/v1/integrations.proto",
    "workapi/auth/v1/auth.proto",
    "workapi/auth/v1/on_demand_admin.proto",
    "workapi/auth/v1/status.proto",
    "workapi/auth/v1/credential_admin.proto",
    "workapi/auth/v1/jobs_admin.proto",
    "workapi/auth/v1/restore_admin.proto",
    "workapi/events/v1/events.proto",
    "workapi/jobs/v1/jobs.proto",
    "workapi/jobs/v1/requests.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(FILES)?;
    let descriptors = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(descriptors, compiler.encode_file_descriptor_set())?;

    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
