//! factor(1), coreutils'.

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::buffer::Out;
use super::show;
use crate::budget::Budget;
use crate::budget::Spent;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("factor", factor)];

fn factor(call: &mut Call<'_, '_>) -> Done {
    // `-h` is only known to some versions.
    let given = call.given(&[])?;
    let input = if given.operands.is_empty() { Some(call.text(b"-")?) } else { None };
    let words: Vec<&[u8]> = match &input {
        Some(text) => text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|word| !word.is_empty()).collect(),
        None => given.operands.iter().map(Vec::as_slice).collect(),
    };
    call.printing(|call, out| {
        let mut status = 0;
        for word in words {
            // What is read is a word up to a zero byte.
            let word = &word[..memchr::memchr(0, word).unwrap_or(word.len())];
            if !one(call, out, word)? {
                out.flush(call)?;
                call.err(&format!("'{}' is not a valid positive integer", show(word)))?;
                status = 1;
            }
        }
        Ok(status)
    })
}

fn one(call: &mut Call<'_, '_>, out: &mut Out, word: &[u8]) -> Result<bool, Fault> {
    let digits = word.iter().position(|&byte| byte != b' ').map_or(&word[..0], |start| &word[start..]);
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(false);
    }
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    let number = number.ok_or_else(|| Fault::gap(format!("the number `{}`", show(word))))?;
    let mut primes = Vec::new();
    split(number, &mut primes, &call.shell.system.budget)?;
    primes.sort_unstable();
    out.put(call, format!("{number}:").as_bytes())?;
    for prime in primes {
        out.put(call, format!(" {prime}").as_bytes())?;
    }
    out.put(call, b"\n")?;
    Ok(true)
}

fn times(one: u64, two: u64, modulus: u64) -> u64 {
    let product = u128::from(one) * u128::from(two) % u128::from(modulus);
    u64::try_from(product).unwrap_or_default()
}

/// Miller and Rabin's test, which with these bases is sure up to 64 bits.
fn is_prime(number: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if number < 2 {
        return false;
    }
    if let Some(base) = BASES.iter().find(|&&base| number.is_multiple_of(base)) {
        return number == *base;
    }
    let twos = (number - 1).trailing_zeros();
    BASES.iter().all(|&base| {
        let (mut power, mut square, mut left) = (1, base, (number - 1) >> twos);
        while left > 0 {
            if left & 1 == 1 {
                power = times(power, square, number);
            }
            square = times(square, square, number);
            left >>= 1;
        }
        if power == 1 || power == number - 1 {
            return true;
        }
        (1..twos).any(|_| {
            power = times(power, power, number);
            power == number - 1
        })
    })
}

/// All prime factors: small ones by trial, the others by Pollard's rho.
fn split(mut number: u64, primes: &mut Vec<u64>, budget: &Budget) -> Result<(), Spent> {
    if number == 0 {
        return Ok(());
    }
    for small in 2..1000 {
        while number.is_multiple_of(small) {
            primes.push(small);
            number /= small;
        }
    }
    budget.tried(1000)?;
    let mut left = vec![number];
    while let Some(number) = left.pop() {
        if number == 1 {
            continue;
        }
        if is_prime(number) {
            primes.push(number);
            continue;
        }
        let divisor = divisor(number, budget)?;
        left.extend([divisor, number / divisor]);
    }
    Ok(())
}

/// A divisor of a number that is none of 1, itself and a prime.
fn divisor(number: u64, budget: &Budget) -> Result<u64, Spent> {
    let mut constant = 1u64;
    loop {
        let next = |value| {
            let square = u128::from(times(value, value, number)) + u128::from(constant);
            u64::try_from(square % u128::from(number)).unwrap_or_default()
        };
        let (mut slow, mut fast) = (2, 2);
        loop {
            budget.tried(16)?;
            slow = next(slow);
            fast = next(next(fast));
            let common = gcd(slow.abs_diff(fast), number);
            if common == number {
                break;
            }
            if common > 1 {
                return Ok(common);
            }
        }
        constant += 1;
    }
}

const fn gcd(mut one: u64, mut two: u64) -> u64 {
    while two > 0 {
        (one, two) = (two, one % two);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::super::recorded::lacks;
    use super::super::recorded::says;

    #[test]
    fn numbers_have_their_primes() {
        says(&[
            ("factor 12 0 1 97", "12: 2 2 3\n0:\n1:\n97: 97\n", 0),
            ("echo '+007 9' | factor", "7: 7\n9: 3 3\n", 0),
            ("factor 18446744073709551557", "18446744073709551557: 18446744073709551557\n", 0),
            ("factor 18446743979220271189", "18446743979220271189: 4294967279 4294967291\n", 0),
            ("factor 4 x 6", "4: 2 2\n6: 2 3\n", 1),
            ("factor 1008018", "1008018: 2 3 3 3 11 1697\n", 0),
        ]);
        lacks(&[("factor 18446744073709551616", "the number"), ("factor -h 4", "option")]);
    }
}
