//! The generated code of the protobuf contract in `proto/`, and nothing else.
#![expect(clippy::allow_attributes, clippy::pedantic, reason = "generated code")]

/// Every file of the contract as an encoded `FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Environments, users and integrations.
pub mod integrations {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("workapi.integrations.v1");
    }
}

/// Authorization and provider configs.
pub mod auth {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("workapi.auth.v1");
    }
}

/// Facts on the bus.
pub mod events {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("workapi.events.v1");
    }
}

/// Jobs on the bus.
pub mod jobs {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("workapi.jobs.v1");
    }
}
