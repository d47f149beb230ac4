//! Virtual machines: config-vm.md.

use super::Check::Structure;
use super::forms::ABSOLUTE;
use super::rules;
use super::shape::{STRING, STRINGS, Shape, UINT32, UINT32S, UINT64, optional, required};
use crate::Severity::Error;
use crate::SpecVersion::V1_3_0;

pub(super) static VM: Shape = Shape::Object(&[
    optional("hypervisor", &PROGRAM, &HYPERVISOR),
    required("kernel", &KERNEL_SHAPE, &KERNEL),
    optional("image", &IMAGE_SHAPE, &IMAGE),
    optional("hwConfig", &HARDWARE_SHAPE, &HARDWARE).since(V1_3_0),
]);

static PROGRAM: Shape =
    Shape::Object(&[required("path", &ABSOLUTE, &HYPERVISOR), optional("parameters", &STRINGS, &HYPERVISOR)]);

static KERNEL_SHAPE: Shape = Shape::Object(&[
    required("path", &ABSOLUTE, &KERNEL),
    optional("parameters", &STRINGS, &KERNEL),
    optional("initrd", &ABSOLUTE, &KERNEL),
]);

static IMAGE_SHAPE: Shape = Shape::Object(&[
    required("path", &ABSOLUTE, &IMAGE),
    required("format", &Shape::Word(&["raw", "qcow2", "vdi", "vmdk", "vhd"]), &IMAGE),
]);

static HARDWARE_SHAPE: Shape = Shape::Object(&[
    optional("deviceTree", &STRING, &HARDWARE),
    optional("vcpus", &UINT32, &HARDWARE),
    optional("memory", &UINT64, &HARDWARE),
    optional("dtdevs", &STRINGS, &HARDWARE),
    optional("iomems", &Shape::Array(&IO_MEMORY), &HARDWARE),
    optional("irqs", &UINT32S, &HARDWARE),
]);

static IO_MEMORY: Shape = Shape::Object(&[
    optional("firstGFN", &UINT64, &HARDWARE),
    required("firstMFN", &UINT64, &HARDWARE),
    required("nrMFNs", &UINT64, &HARDWARE),
]);

rules! {
    KERNEL {
        id: "OCI-W1",
        severity: Error,
        section: "config-vm.md#kernel-object",
        explanation: "A virtual machine needs a kernel; its path, and that of an initrd, have to be absolute.",
        check: Structure,
        bad: &[
            r#"{"vm": {}}"#,
            r#"{"vm": {"kernel": {"path": "vmlinuz"}}}"#,
            r#"{"vm": {"kernel": {"path": "/vmlinuz", "initrd": "initrd"}}}"#,
        ],
        good: &[r#"{"vm": {"kernel": {"path": "/vmlinuz", "initrd": "/initrd", "parameters": ["quiet"]}}}"#],
    }
    HYPERVISOR {
        id: "OCI-W2",
        severity: Error,
        section: "config-vm.md#hypervisor-object",
        explanation: "A hypervisor needs an absolute path.",
        check: Structure,
        bad: &[
            r#"{"vm": {"kernel": {"path": "/k"}, "hypervisor": {}}}"#,
            r#"{"vm": {"kernel": {"path": "/k"}, "hypervisor": {"path": "kvm"}}}"#,
        ],
        good: &[r#"{"vm": {"kernel": {"path": "/k"}, "hypervisor": {"path": "/kvm", "parameters": ["a"]}}}"#],
    }
    IMAGE {
        id: "OCI-W3",
        severity: Error,
        section: "config-vm.md#image-object",
        explanation: "An image needs an absolute path and one of five formats.",
        check: Structure,
        bad: &[
            r#"{"vm": {"kernel": {"path": "/k"}, "image": {"path": "/i"}}}"#,
            r#"{"vm": {"kernel": {"path": "/k"}, "image": {"path": "i", "format": "raw"}}}"#,
            r#"{"vm": {"kernel": {"path": "/k"}, "image": {"path": "/i", "format": "iso"}}}"#,
        ],
        good: &[r#"{"vm": {"kernel": {"path": "/k"}, "image": {"path": "/i", "format": "qcow2"}}}"#],
    }
    HARDWARE {
        id: "OCI-W4",
        severity: Error,
        section: "config-vm.md#hwconfig-object",
        explanation: "A range of I/O memory needs firstMFN and nrMFNs; the other hardware is of the types given.",
        check: Structure,
        bad: &[
            r#"{"vm": {"kernel": {"path": "/k"}, "hwConfig": {"iomems": [{"firstGFN": 1, "nrMFNs": 1}]}}}"#,
            r#"{"vm": {"kernel": {"path": "/k"}, "hwConfig": {"irqs": ["11"]}}}"#,
        ],
        good: &[r#"{"vm": {"kernel": {"path": "/k"}, "hwConfig": {"vcpus": 1, "iomems": [{"firstMFN": 1, "nrMFNs": 1}], "irqs": [11]}}}"#],
    }
}
