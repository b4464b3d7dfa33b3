//! The log of a run.

use crate::host;
use crate::json::write_string;
use std::fmt;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Level {
    Debug,
    Log,
    Info,
    Warn,
    Error,
}

/// Writes one line; the macros do it more shortly.
pub fn write(level: Level, message: fmt::Arguments<'_>) {
    let level = match level {
        Level::Debug => "DEBUG",
        Level::Log => "LOG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut line = b"{\"level\":".to_vec();
    write_string(level, &mut line);
    line.extend_from_slice(b",\"messages\":[");
    write_string(&message.to_string(), &mut line);
    line.extend_from_slice(b"]}");
    host::write_log(&line);
}

macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident $level:ident;)*) => {
        levels!(@ ($) $($(#[$doc])* $name $level;)*);
    };
    (@ ($dollar:tt) $($(#[$doc:meta])* $name:ident $level:ident;)*) => {
        $(
            $(#[$doc])*
            #[macro_export]
            macro_rules! $name {
                ($dollar($dollar part:tt)*) => {
                    $crate::log::write($crate::log::Level::$level, ::std::format_args!($dollar($dollar part)*))
                };
            }
        )*
    };
}

levels! {
    /// Writes a line of level `DEBUG`, as `println!` does.
    debug Debug;
    /// Writes a line of level `INFO`, as `println!` does.
    info Info;
    /// Writes a line of level `WARN`, as `println!` does.
    warn Warn;
    /// Writes a line of level `ERROR`, as `println!` does.
    error Error;
}
