//! Base64, as Convex's encoding of bytes and 64-bit numbers has it: the standard alphabet, padded,
//! and one way of writing each sequence of bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn write(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (i, &byte)| {
            bits | u32::from(byte) << (16 - 8 * i)
        });
        for digit in 0..4 {
            out.push(if digit > group.len() {
                b'='
            } else {
                ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize]
            });
        }
    }
}

fn value_of(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The bytes of a text; `None` if it is not what [`write`] makes of any bytes.
pub(crate) fn read(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 != 0 {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|&&digit| digit == b'=').count();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0u32;
    for (i, &digit) in text[..text.len() - padding].iter().enumerate() {
        bits = bits << 6 | value_of(digit)?;
        if i % 4 != 0 {
            bytes.push((bits >> (6 - 2 * (i % 4))) as u8);
        }
    }
    // The bits of the last digit that belong to no byte are zero.
    let spare = (1 << (2 * padding)) - 1;
    (bits & spare == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_its_own_inverse() {
        for size in 0..50usize {
            let bytes: Vec<u8> = (0..size).map(|i| (i * 37 + 11) as u8).collect();
            let mut text = Vec::new();
            write(&bytes, &mut text);
            assert_eq!(text.len(), size.div_ceil(3) * 4);
            assert_eq!(read(&text), Some(bytes));
        }
    }

    #[test]
    fn refuses_what_it_would_not_write() {
        for text in ["A", "AA", "AAA", "AA=A", "====", "A===", "AB==", "AAB=", "AA==AAAA", "A A=", "AA-_"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
