//! Wasmtime's C API, and beside it the few calls that it lacks. The C side is
//! src/engine/native.h; both change together.
//!
//! The handles of the C API are structs around one field of Wasmtime's own type, so that a pointer
//! to one is a pointer to the other. That is a fact of the pinned version and not a promise:
//! `wraps!` stops the build when it no longer holds.

pub use wasmtime_c_api::*;

use std::ffi::c_void;
use std::mem::{align_of, size_of};
use std::num::NonZeroUsize;
use wasmtime::{Config, Enabled, Engine, Error, PoolingAllocationConfig, ResourceLimiter, Result};
use wasmtime::{Store, WasmFeatures};

/// Each row proves one wrapping, and makes a function from a reference to the handle to one to what
/// it wraps: `[&]` for what threads share, `[&mut]` for what has one user.
macro_rules! wraps {
    ($($inner_of:ident: [$($kind:tt)+] $outer:ty => $inner:ty),*) => {$(
        const _: () = assert!(
            size_of::<$outer>() == size_of::<$inner>() && align_of::<$outer>() == align_of::<$inner>()
        );
        fn $inner_of(outer: $($kind)+ $outer) -> $($kind)+ $inner {
            unsafe { std::mem::transmute(outer) }
        }
    )*};
}
wraps!(config_of: [&mut] wasm_config_t => Config, engine_of: [&] wasm_engine_t => Engine,
       store_of: [&mut] wasmtime_store_t => Store<WasmtimeStoreData>,
       pool_of: [&mut] wasmtime_pooling_allocation_config_t => PoolingAllocationConfig);

type Failure = Option<Box<wasmtime_error_t>>;

fn failure(result: Result<()>) -> Failure {
    result.err().map(|error| Box::new(error.into()))
}

/// What guests may use, as a list of what is on: a proposal that a later version of Wasmtime
/// switches on by default stays off until somebody adds it here. Threads, memory64, several
/// memories, custom page sizes, relaxed SIMD, wide arithmetic, tail calls, exceptions, typed
/// references, garbage collection and stack switching are not in it.
const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST);

#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_config_finish(config: &mut wasm_config_t, frames_max: usize) {
    config_of(config)
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(FEATURES, true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(frames_max));
}

#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_pool_scan_pages(pool: &mut wasmtime_pooling_allocation_config_t) {
    pool_of(pool).pagemap_scan(Enabled::Yes);
}

/// As wasm_engine_new_with_config, with an error in place of a panic.
#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_engine_new(
    mut config: Box<wasm_config_t>,
    out: &mut *mut wasm_engine_t,
) -> Failure {
    let engine = Engine::new(config_of(&mut config));
    failure(engine.map(|engine| *out = Box::into_raw(Box::new(engine)).cast()))
}

/// The list of features as bits, which mean what they mean in this version alone.
#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_features() -> u64 {
    FEATURES.bits().into()
}

/// An engine of this configuration loads what others compiled, and has no compiler itself.
#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_config_no_compiler(config: &mut wasm_config_t) {
    config_of(config).enable_compiler(false);
}

/// Slots of the pool in use: memories, stacks.
#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_pool_use(engine: &wasm_engine_t, out: &mut [u64; 2]) {
    if let Some(pool) = engine_of(engine).pooling_allocator_metrics() {
        *out = [pool.memories() as u64, pool.stacks() as u64];
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cordon_native_precompile(
    engine: &wasm_engine_t,
    wasm: *const u8,
    size: usize,
    out: &mut wasm_byte_vec_t,
) -> Failure {
    let wasm = unsafe { std::slice::from_raw_parts(wasm, size) };
    let artifact = engine_of(engine).precompile_module(wasm);
    failure(artifact.map(|artifact| out.set_buffer(artifact)))
}

/// Asked before a memory or table grows: 1 lets it, 0 lets the guest see -1, 2 ends the call.
#[repr(C)]
pub struct cordon_native_limiter {
    data: *mut c_void,
    memory_growing: extern "C" fn(*mut c_void, usize, usize, usize) -> u32,
    memory_failed: extern "C" fn(*mut c_void) -> u32,
    table_growing: extern "C" fn(*mut c_void, usize, usize, usize) -> u32,
}

unsafe impl Send for cordon_native_limiter {}

fn answer(word: u32) -> Result<bool> {
    match word {
        0 | 1 => Ok(word == 1),
        _ => Err(Error::msg("ended by the limiter")),
    }
}

impl ResourceLimiter for cordon_native_limiter {
    fn memory_growing(&mut self, now: usize, wanted: usize, max: Option<usize>) -> Result<bool> {
        let max = max.unwrap_or(usize::MAX);
        answer((self.memory_growing)(self.data, now, wanted, max))
    }
    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        answer((self.memory_failed)(self.data)).map(|_| ())
    }
    fn table_growing(&mut self, now: usize, wanted: usize, max: Option<usize>) -> Result<bool> {
        let max = max.unwrap_or(usize::MAX);
        answer((self.table_growing)(self.data, now, wanted, max))
    }
}

/// `limiter` must outlive the store.
#[unsafe(no_mangle)]
pub extern "C" fn cordon_native_store_limiter(
    store: &mut wasmtime_store_t,
    limiter: *mut cordon_native_limiter,
) {
    let address = limiter as usize; // a pointer may not change threads; the store does
    store_of(store).limiter(move |_| unsafe { &mut *(address as *mut cordon_native_limiter) });
}
