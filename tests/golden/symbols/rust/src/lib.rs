//! A panic of the core library, reached through iterators and closures that are inlined.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

struct List {
    items: [u32; 8],
}

impl List {
    #[inline]
    fn get(&self, index: usize) -> u32 {
        self.items[index]
    }

    #[inline(never)]
    fn sum_of(&self, indices: &[usize]) -> u32 {
        let mut sum = 0;
        indices.iter().for_each(|index| sum += self.get(*index));
        sum
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(first: usize, last: Option<&usize>) -> u32 {
    let list = List { items: [3, 1, 4, 1, 5, 9, 2, 6] };
    list.sum_of(&[first, *last.unwrap(), first + 1])
}
