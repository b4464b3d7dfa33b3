//! The host calls, as `sdk/abi.md` describes them, and the one way of making them.
//!
//! All unsafe code of the SDK is in this file. Outside WebAssembly the calls exist too, so that
//! functions can be checked and their parts tested on the developer's machine; calling one panics.

use crate::error::{Error, Refusal};
use crate::json;
use serde::de::DeserializeOwned;

/// A host call that takes a range of memory and returns `status << 32 | length`.
pub(crate) type Call = unsafe extern "C" fn(*const u8, usize) -> i64;

macro_rules! host_calls {
    ($($module:literal { $($name:literal $function:ident($($arg:ident: $type:ty),*);)* })*) => {
        $(
            #[cfg(target_arch = "wasm32")]
            #[link(wasm_import_module = $module)]
            extern "C" {
                $(#[link_name = $name] pub(crate) fn $function($($arg: $type),*) -> i64;)*
            }
            $(
                #[cfg(not(target_arch = "wasm32"))]
                pub(crate) unsafe extern "C" fn $function($(_: $type),*) -> i64 {
                    panic!(concat!($module, " ", $name, ": host calls exist only inside Cordon"))
                }
            )*
        )*
    };
}

host_calls! {
    "convex/core" {
        "input_read" input_read(to: *const u8, size: usize);
        "reply_read" reply_read(to: *const u8, size: usize);
        "output_write" output_write(from: *const u8, size: usize);
        "fail" fail_with(from: *const u8, size: usize);
        "log" log(from: *const u8, size: usize);
        "random_fill" random_fill(to: *const u8, size: usize);
        "now_ms" now_ms();
        "left" left(from: *const u8, size: usize);
        "env_get" env_get(from: *const u8, size: usize);
        "1.0/getUserIdentity" get_user_identity(from: *const u8, size: usize);
    }
    "convex/db-read" {
        "1.0/get" get(from: *const u8, size: usize);
        "1.0/queryStream" query_stream(from: *const u8, size: usize);
        "1.0/queryStreamNext" query_stream_next(from: *const u8, size: usize);
        "1.0/queryCleanup" query_cleanup(from: *const u8, size: usize);
        "1.0/queryPage" query_page(from: *const u8, size: usize);
        "1.0/db/normalizeId" normalize_id(from: *const u8, size: usize);
    }
    "convex/db-write" {
        "1.0/insert" insert(from: *const u8, size: usize);
        "1.0/shallowMerge" shallow_merge(from: *const u8, size: usize);
        "1.0/replace" replace(from: *const u8, size: usize);
        "1.0/remove" remove(from: *const u8, size: usize);
    }
    "convex/run" {
        "1.0/runUdf" run_udf(from: *const u8, size: usize);
        "1.0/actions/query" action_query(from: *const u8, size: usize);
        "1.0/actions/mutation" action_mutation(from: *const u8, size: usize);
        "1.0/actions/action" action_action(from: *const u8, size: usize);
    }
    "convex/effect" {
        "crypto_random" crypto_random(to: *const u8, size: usize);
        "sleep" sleep(from: *const u8, size: usize);
    }
}

const RANDOM_BYTES_MAX: usize = 65_536;

fn length_of(answer: i64) -> usize {
    (answer as u64 & u64::from(u32::MAX)) as usize
}

/// Reads by a call that fills a range and tells the whole length, starting with a buffer of `guess`.
fn read_whole(call: Call, guess: usize) -> Vec<u8> {
    let mut bytes = Vec::<u8>::with_capacity(guess);
    loop {
        let room = bytes.capacity();
        // SAFETY: the host writes at most `room` bytes, which the vector owns, and nothing else.
        let length = length_of(unsafe { call(bytes.as_mut_ptr(), room) });
        if length <= room {
            // SAFETY: the host has written `length` bytes.
            unsafe { bytes.set_len(length) };
            return bytes;
        }
        bytes.reserve_exact(length);
    }
}

/// The arguments of the run: the JSON of an array.
pub(crate) fn read_input() -> Vec<u8> {
    read_whole(input_read, 256)
}

/// Makes a call that takes `argument`, and returns its reply.
pub(crate) fn ask(call: Call, argument: &[u8]) -> Result<Vec<u8>, Refusal> {
    // SAFETY: the host reads that range, during the call alone.
    let answer = unsafe { call(argument.as_ptr(), argument.len()) };
    let reply = read_whole(reply_read, length_of(answer));
    if answer as u64 >> 32 == 0 {
        return Ok(reply);
    }
    Err(json::from_slice(&reply).unwrap_or_else(|error| Refusal {
        code: "UnreadableRefusal".into(),
        message: format!("the host refused the call, for a reason that cannot be read: {error}"),
        data: None,
    }))
}

/// As [`ask`], with the reply decoded.
pub(crate) fn ask_for<T: DeserializeOwned>(call: Call, argument: &[u8]) -> Result<T, Error> {
    Ok(json::from_slice(&ask(call, argument)?)?)
}

/// Sets the result of the run.
pub(crate) fn write_output(json: &[u8]) {
    // SAFETY: the host reads that range, during the call alone.
    unsafe { output_write(json.as_ptr(), json.len()) };
}

/// Ends the run.
pub(crate) fn fail(error: &Error) -> ! {
    let json = error.to_json();
    // SAFETY: the host reads that range, during the call alone.
    unsafe { fail_with(json.as_ptr(), json.len()) };
    unreachable!("the host does not return from `fail`")
}

/// Writes a log line.
pub(crate) fn write_log(json: &[u8]) {
    // SAFETY: the host reads that range, during the call alone.
    unsafe { log(json.as_ptr(), json.len()) };
}

/// Fills the bytes by a call that has randomness.
pub(crate) fn fill(call: Call, bytes: &mut [u8]) {
    for part in bytes.chunks_mut(RANDOM_BYTES_MAX) {
        // SAFETY: the host writes that range, which is borrowed mutably, and nothing else.
        unsafe { call(part.as_mut_ptr(), part.len()) };
    }
}

/// Milliseconds since 1970.
pub(crate) fn time_ms() -> i64 {
    // SAFETY: takes nothing.
    unsafe { now_ms() }
}
