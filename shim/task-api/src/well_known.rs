//! The messages of google.protobuf that others use.

use crate::message::Named;
use crate::wire::Malformed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

messages! {
    /// Nothing.
    struct Empty {}

    /// A value with the name of its type.
    struct Any {
        1 type_url: String,
        /// The encoded message; of the types of the runtime specification, JSON.
        2 value: Vec<u8>,
    }

    /// A time, as UTC since 1970.
    struct Timestamp {
        1 seconds: i64,
        /// Counts forward even if the seconds are negative.
        2 nanos: i32,
    }
}

impl Any {
    /// Puts a message in.
    #[must_use]
    pub fn pack<M: Named>(message: &M) -> Self {
        Any { type_url: M::NAME.to_owned(), value: message.to_bytes() }
    }

    /// Puts JSON in, of a type that only its URL names.
    #[must_use]
    pub fn json(type_url: &str, value: Vec<u8>) -> Self {
        Any { type_url: type_url.to_owned(), value }
    }

    /// The name of the type without the prefix that some senders write.
    #[must_use]
    pub fn type_name(&self) -> &str {
        self.type_url.strip_prefix("type.googleapis.com/").unwrap_or(&self.type_url)
    }

    /// The message in it, if it has this type.
    ///
    /// # Errors
    /// If it has the type but not the form.
    pub fn unpack<M: Named>(&self) -> Result<Option<M>, Malformed> {
        if self.type_name() == M::NAME { M::decode(&self.value).map(Some) } else { Ok(None) }
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let part = |nanos: u32| i32::try_from(nanos).unwrap_or(0);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp { seconds: whole(since.as_secs()), nanos: part(since.subsec_nanos()) },
            Err(before) => {
                let before = before.duration();
                match before.subsec_nanos() {
                    0 => Timestamp { seconds: -whole(before.as_secs()), nanos: 0 },
                    nanos => Timestamp {
                        seconds: -whole(before.as_secs()) - 1,
                        nanos: part(1_000_000_000 - nanos),
                    },
                }
            }
        }
    }
}

impl Timestamp {
    /// The time, if it is one that the system can express.
    #[must_use]
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let nanos = u32::try_from(self.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        let seconds = Duration::from_secs(self.seconds.unsigned_abs());
        let whole = if self.seconds < 0 {
            UNIX_EPOCH.checked_sub(seconds)?
        } else {
            UNIX_EPOCH.checked_add(seconds)?
        };
        whole.checked_add(Duration::from_nanos(nanos.into()))
    }
}
