//! The `ip` scheme: addresses and prefixes of them.
//!
//! An address is read the way ZooKeeper reads it (no zone, no IPv4 tail within IPv6), so that the
//! same ACL is valid here and there.

/// An address as its 4 or 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Address {
    bytes: [u8; 16],
    length: u8,
}

impl Address {
    pub fn length(self) -> usize {
        usize::from(self.length)
    }
}

/// An address, or an address and a number of leading bits: `10.0.0.0/8`, `fe80::/10`.
pub fn is_valid(expression: &str) -> bool {
    parse_prefix(expression).is_some()
}

/// Whether `address`, of a connection, is the one of `expression` or within its prefix.
pub fn matches(address: &str, expression: &str) -> bool {
    let (Some((prefix, bits)), Some(address)) = (parse_prefix(expression), parse(address)) else {
        return false;
    };
    prefix.length == address.length && mask(prefix, bits) == mask(address, bits)
}

/// An address and how many of its leading bits count.
pub fn parse_prefix(expression: &str) -> Option<(Address, usize)> {
    let (address, bits) = match expression.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (expression, None),
    };
    let address = parse(address)?;
    let bits_max = address.length() * 8;
    let bits = match bits {
        Some(text) => usize::try_from(text.parse::<i32>().ok()?).ok()?,
        None => bits_max,
    };
    (bits <= bits_max).then_some((address, bits))
}

/// The address with nothing but its leading bits.
pub fn mask(mut address: Address, bits: usize) -> Address {
    for (at, byte) in address.bytes.iter_mut().enumerate() {
        let kept = bits.saturating_sub(at * 8).min(8);
        *byte &= u8::MAX.checked_shl(8 - kept as u32).unwrap_or(0);
    }
    address
}

pub fn parse(text: &str) -> Option<Address> {
    if text.contains(':') { parse_v6(text) } else { parse_v4(text) }
}

fn parse_v4(text: &str) -> Option<Address> {
    let mut address = Address { bytes: [0; 16], length: 4 };
    let mut parts = text.split('.');
    for slot in &mut address.bytes[..4] {
        *slot = u8::try_from(parts.next()?.parse::<i32>().ok()?).ok()?;
    }
    parts.next().is_none().then_some(address)
}

fn parse_v6(text: &str) -> Option<Address> {
    let mut address = Address { bytes: [0; 16], length: 16 };
    let mut halves = text.split("::");
    let head = halves.next()?;
    let tail = halves.next();
    if halves.next().is_some() {
        return None;
    }
    let head_count = segment_count(head, tail.is_some());
    let Some(tail) = tail else {
        return (head_count == 8 && put_segments(head, &mut address.bytes)).then_some(address);
    };
    let tail_count = segment_count(tail, true);
    if head_count + tail_count >= 8 {
        return None;
    }
    let tail_at = 16 - tail_count * 2;
    let head_ok = head.is_empty() || put_segments(head, &mut address.bytes);
    let tail_ok = tail.is_empty() || put_segments(tail, &mut address.bytes[tail_at..]);
    (head_ok && tail_ok).then_some(address)
}

fn segment_count(half: &str, may_be_empty: bool) -> usize {
    if half.is_empty() && may_be_empty { 0 } else { half.split(':').count() }
}

fn put_segments(half: &str, out: &mut [u8]) -> bool {
    for (segment, slot) in half.split(':').zip(out.chunks_exact_mut(2)) {
        if segment.is_empty() || segment.len() > 4 {
            return false;
        }
        match u16::from_str_radix(segment, 16) {
            Ok(value) => slot.copy_from_slice(&value.to_be_bytes()),
            Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_match_by_their_leading_bits() {
        for (address, expression) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.0/30"),
            ("1.2.3.4", "9.9.9.9/0"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("fe80:0:0:0:0:0:0:1", "fe80::/10"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:db8:0:0:0:0:0:5", "2001:db8::"),
        ] {
            let inside = expression != "2001:db8::";
            assert_eq!(matches(address, expression), inside, "{address} {expression}");
        }
        assert!(!matches("10.1.2.4", "10.1.2.0/30"));
        assert!(!matches("0:0:0:0:0:0:0:1", "0.0.0.0/0"), "the families differ");
        assert!(!matches("11.0.0.1", "10.0.0.0/8"));
    }

    #[test]
    fn an_expression_is_checked_before_it_is_stored() {
        for good in
            ["1.2.3.4", "1.2.3.4/0", "1.2.3.4/32", "::", "::1/128", "1:2:3:4:5:6:7:8", "a::b"]
        {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/x",
            "1.2.3.4/",
            "::1/129",
            "1:2:3",
            "1::2::3",
            "12345::",
            "g::",
            "1:2:3:4:5:6:7::8",
            ":1",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
