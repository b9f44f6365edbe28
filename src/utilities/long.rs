//! C's `long double` on amd64, as far as numfmt(1) computes with it: 64 bits, rounded to the nearest, halves to even.
//! Signs are the caller's.

use std::cmp::Ordering;

/// A number that is not negative: `mantissa` times two to the power `exponent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Long {
    /// Its highest bit is set, or it is zero.
    mantissa: u64,
    exponent: i32,
    /// Something was rounded on the way: where a `long double` has other bits, another number comes out.
    pub(super) rounded: bool,
}

impl Long {
    pub(super) fn of(number: u64) -> Self {
        Self::normal(u128::from(number), 0, false)
    }

    /// The nearest one; `more`: the true number is a little larger.
    fn normal(bits: u128, exponent: i32, more: bool) -> Self {
        let width = 128 - bits.leading_zeros();
        let place = exponent + i32::try_from(width).expect("at most 128") - 64;
        if width <= 64 {
            let mantissa = u64::try_from(bits).expect("64 bits").checked_shl(64 - width).unwrap_or(0);
            return Self { mantissa, exponent: if bits == 0 { 0 } else { place }, rounded: more };
        }
        let shift = width - 64;
        let (mantissa, rest, half) = (bits >> shift, bits & ((1 << shift) - 1), 1u128 << (shift - 1));
        let up = match rest.cmp(&half) {
            Ordering::Less => false,
            Ordering::Equal => more || mantissa & 1 == 1,
            Ordering::Greater => true,
        };
        let rounded = rest != 0 || more;
        match u64::try_from(mantissa + u128::from(up)) {
            Ok(mantissa) => Self { mantissa, exponent: place, rounded },
            Err(_) => Self { mantissa: 1 << 63, exponent: place + 1, rounded },
        }
    }

    const fn after(mut self, one: Self, other: Self) -> Self {
        self.rounded |= one.rounded | other.rounded;
        self
    }

    pub(super) fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self::normal(product, self.exponent + other.exponent, false).after(self, other)
    }

    /// Divides by what is not zero.
    pub(super) fn over(self, other: Self) -> Self {
        let (above, below) = (u128::from(self.mantissa) << 64, u128::from(other.mantissa));
        let (whole, rest) = (above / below, (above % below) << 2);
        let more = !rest.is_multiple_of(below);
        Self::normal((whole << 2) | (rest / below), self.exponent - other.exponent - 66, more).after(self, other)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if self.is_zero() || other.is_zero() {
            let sum = if self.is_zero() { other } else { self };
            return sum.after(self, other);
        }
        let (large, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = large.exponent.abs_diff(small.exponent);
        let wide = u128::from(small.mantissa) << 63;
        let (moved, more) = match wide.checked_shr(shift) {
            Some(moved) => (moved, moved << shift != wide),
            None => (0, true),
        };
        Self::normal((u128::from(large.mantissa) << 63) + moved, large.exponent - 63, more).after(self, other)
    }

    /// `base` to a power, multiplied up as C does it.
    pub(super) fn power(base: u64, exponent: u32) -> Self {
        (0..exponent).fold(Self::of(1), |power, _| power.times(Self::of(base)))
    }

    pub(super) const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is below a whole number.
    pub(super) fn is_below(self, number: u64) -> bool {
        let other = Self::of(number);
        match (self.is_zero(), other.is_zero()) {
            (_, true) => false,
            (true, false) => true,
            _ => (self.exponent, self.mantissa) < (other.exponent, other.mantissa),
        }
    }

    /// Its whole part, and whether there is more; `None` from two to the power of 64 on.
    pub(super) fn whole(self) -> Option<(u64, bool)> {
        match self.exponent {
            _ if self.is_zero() => Some((0, false)),
            1.. => None,
            -63..=0 => {
                let shift = self.exponent.unsigned_abs();
                let whole = self.mantissa >> shift;
                Some((whole, whole << shift != self.mantissa))
            }
            _ => Some((0, true)),
        }
    }

    /// As `%.*Lf` shows it: exactly, rounded at the last digit.
    pub(super) fn shown(self, places: usize) -> String {
        // The digits of the whole part and behind it, each up to nine.
        let mut digits: Vec<u8> = self.mantissa.to_string().bytes().map(|digit| digit - b'0').collect();
        let mut point = digits.len();
        for _ in 0..self.exponent {
            let carry = digits.iter_mut().rev().fold(0, |carry, digit| {
                let double = *digit * 2 + carry;
                *digit = double % 10;
                double / 10
            });
            if carry > 0 {
                digits.insert(0, carry);
                point += 1;
            }
        }
        for _ in self.exponent..0 {
            digits.push(0);
            digits.iter_mut().fold(0, |carry, digit| {
                let ten = carry * 10 + *digit;
                *digit = ten / 2;
                ten % 2
            });
        }
        digits.resize(digits.len().max(point + places), 0);
        let rest = digits.split_off(point + places);
        let odd = digits.last().is_some_and(|digit| digit % 2 == 1);
        let up = match rest.split_first() {
            Some((5, rest)) => odd || rest.iter().any(|digit| *digit > 0),
            Some((first, _)) => *first > 5,
            None => false,
        };
        let mut place = digits.len();
        let mut carry = up;
        while carry && place > 0 {
            place -= 1;
            carry = digits[place] == 9;
            digits[place] = if carry { 0 } else { digits[place] + 1 };
        }
        if carry {
            digits.insert(0, 1);
            point += 1;
        }
        let text: String = digits.iter().map(|digit| char::from(digit + b'0')).collect();
        let (whole, behind) = text.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if places == 0 { whole.to_owned() } else { format!("{whole}.{behind}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_64_bits() {
        let tenth = Long::of(1).over(Long::of(10));
        assert!(tenth.rounded);
        // What printf says of 0.1L.
        assert_eq!(tenth.shown(30), "0.100000000000000000001355252716");
        assert_eq!(tenth.times(Long::of(10)).shown(25), "1.0000000000000000000000000");
        assert_eq!(Long::of(2).over(Long::of(3)).shown(25), "0.6666666666666666666847367");
        let large = Long::power(10, 27);
        assert_eq!(large.shown(0), "1000000000000000000000000000");
        assert_eq!(large.plus(Long::of(1)).shown(0), "1000000000000000000000000000");
        assert!(!large.rounded && large.plus(Long::of(1)).rounded);
        assert_eq!(Long::of(u64::MAX).plus(Long::of(1)).shown(0), "18446744073709551616");
        assert_eq!(Long::of(5).over(Long::of(2)).shown(0), "2", "halves to even");
        assert_eq!(Long::of(7).over(Long::of(2)).shown(0), "4");
        assert_eq!(Long::of(1999).over(Long::of(2000)).shown(2), "1.00");
    }

    #[test]
    fn whole_parts_and_order() {
        let number = Long::of(1001).over(Long::of(1000));
        assert_eq!(number.whole(), Some((1, true)));
        assert_eq!(Long::of(7).whole(), Some((7, false)));
        assert_eq!(Long::of(0).whole(), Some((0, false)));
        assert_eq!(Long::of(1).over(Long::power(10, 25)).whole(), Some((0, true)));
        assert_eq!(Long::power(10, 20).whole(), None);
        assert!(number.is_below(2) && !number.is_below(1) && Long::of(0).is_below(1) && !Long::of(0).is_below(0));
    }
}
