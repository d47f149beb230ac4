//! gRPC's codes of failures.

use crate::frame::FrameError;
use crate::wire::Malformed;
use std::error::Error;
use std::fmt;

macro_rules! codes {
    ($($code:ident $number:literal $meaning:literal;)*) => {
        /// Why a call failed, for a program. The numbers are gRPC's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $code = $number,)*
        }

        impl Code {
            /// The code of a number; [`Code::Unknown`] if there is none.
            #[must_use]
            pub fn from_number(number: i32) -> Self {
                match number {
                    $($number => Code::$code,)*
                    _ => Code::Unknown,
                }
            }
        }
    };
}

codes! {
    Ok 0 "No failure.";
    Cancelled 1 "The caller gave up.";
    Unknown 2 "Any other failure.";
    InvalidArgument 3 "The request makes no sense, whatever the state.";
    DeadlineExceeded 4 "The time was up.";
    NotFound 5 "What the request names is not there, or has ended.";
    AlreadyExists 6 "What should be made is there.";
    PermissionDenied 7 "The caller may not.";
    ResourceExhausted 8 "Too much was asked for.";
    FailedPrecondition 9 "The state does not allow it.";
    Aborted 10 "Something else came in between.";
    OutOfRange 11 "Past an end.";
    Unimplemented 12 "There is no such method.";
    Internal 13 "Something is broken.";
    Unavailable 14 "Not now; later, perhaps.";
    DataLoss 15 "Data are lost.";
    Unauthenticated 16 "Nobody knows who calls.";
}

impl Code {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        self as i32
    }
}

/// A call's failure, as its caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For a program.
    pub code: Code,
    /// For a human.
    pub message: String,
}

impl Failure {
    /// A failure with a text.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Failure { code, message: message.into() }
    }

    /// A request that cannot be read.
    pub(crate) fn unreadable(what: &str, error: Malformed) -> Self {
        Failure::new(Code::InvalidArgument, format!("{what} cannot be read: {error}"))
    }
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        Failure::new(Code::ResourceExhausted, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}
