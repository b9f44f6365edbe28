//! `$((…))` after its expansions (POSIX 2.6.4): signed 64-bit numbers that wrap. dash has no `++`, `--`, `**` and
//! comma; bash has (bash(1), ARITHMETIC EVALUATION), and takes a variable's value for an expression.

use std::fmt;

use super::Dialect;

/// What is said of an expression that is followed no further.
pub(super) const TOO_DEEP: &str = "nested too deeply";

/// Deepest nesting of parentheses and operators.
const DEPTH_MAX: u32 = 64;

/// An expression that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArithmeticError(pub String);

impl fmt::Display for ArithmeticError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arithmetic expression: {}", self.0)
    }
}

/// Where variables of an expression come from.
pub trait Variables {
    /// The value of a variable, in bash also `name[subscript]`; `None` when it is unset.
    ///
    /// # Errors
    /// A subscript has no value.
    fn get(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>, ArithmeticError>;
    /// Assigns.
    ///
    /// # Errors
    /// The variable may not be changed.
    fn set(&mut self, name: &[u8], value: i64) -> Result<(), ArithmeticError>;
}

/// The value of an expression.
///
/// # Errors
/// It is none, divides by zero, or changes what may not be changed.
pub fn evaluate(text: &[u8], dialect: Dialect, variables: &mut dyn Variables) -> Result<i64, ArithmeticError> {
    nested(text, dialect, 0, variables)
}

fn nested(text: &[u8], dialect: Dialect, depth: u32, variables: &mut dyn Variables) -> Result<i64, ArithmeticError> {
    let bash = dialect == Dialect::Bash;
    let mut reader = Reader { text, position: 0, depth, bash, variables, skip: 0 };
    reader.blanks();
    if reader.position == text.len() {
        return Ok(0);
    }
    let value = reader.all()?;
    reader.blanks();
    if reader.position < text.len() {
        return Err(reader.error("expecting EOF"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a [u8],
    position: usize,
    depth: u32,
    bash: bool,
    variables: &'a mut dyn Variables,
    /// Positive in the branch of `?:`, `&&`, `||` that is not taken: read, without effects.
    skip: u32,
}

const BINARY: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

const ASSIGN: [&str; 11] = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "="];

impl Reader<'_> {
    fn error(&self, what: &str) -> ArithmeticError {
        ArithmeticError(format!("{what}: \"{}\"", String::from_utf8_lossy(&self.text[..self.text.len().min(200)])))
    }

    fn blanks(&mut self) {
        while self.text.get(self.position).is_some_and(u8::is_ascii_whitespace) {
            self.position += 1;
        }
    }

    fn at(&self, operator: &str) -> bool {
        self.text[self.position..].starts_with(operator.as_bytes())
    }

    fn name(&self) -> usize {
        let rest = &self.text[self.position..];
        if rest.first().is_none_or(u8::is_ascii_digit) {
            return 0;
        }
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if !self.bash || length == 0 || rest.get(length) != Some(&b'[') {
            return length;
        }
        let mut open = 0;
        let close = rest[length..].iter().position(|byte| {
            open += i32::from(*byte == b'[') - i32::from(*byte == b']');
            open == 0
        });
        close.map_or(length, |close| length + close + 1)
    }

    /// In bash the comma joins expressions.
    fn all(&mut self) -> Result<i64, ArithmeticError> {
        let mut value = self.assignment()?;
        while self.bash && self.comes(",") {
            self.position += 1;
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn comes(&mut self, operator: &str) -> bool {
        self.blanks();
        self.at(operator)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ArithmeticError>) -> Result<T, ArithmeticError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error(TOO_DEEP));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn assignment(&mut self) -> Result<i64, ArithmeticError> {
        self.blanks();
        let start = self.position;
        let length = self.name();
        if length > 0 {
            let name = self.text[start..start + length].to_vec();
            self.position += length;
            self.blanks();
            let operator = ASSIGN.into_iter().find(|operator| self.at(operator)).filter(|_| !self.at("=="));
            if let Some(operator) = operator {
                self.position += operator.len();
                let right = self.nested(Self::assignment)?;
                self.blanks();
                // bash has looked at the next byte when it assigns.
                let next = self.text.get(self.position).copied();
                let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_()+-*/%&|^!~<>=?:,".contains(&byte);
                if self.bash && next.is_some_and(|byte| !known(byte)) {
                    return Err(self.error("invalid arithmetic operator"));
                }
                return self.assign(&name, operator, right);
            }
            self.position = start;
        }
        self.conditional()
    }

    fn assign(&mut self, name: &[u8], operator: &str, right: i64) -> Result<i64, ArithmeticError> {
        let value = match operator.strip_suffix('=').expect("every assignment ends so") {
            "" => right,
            binary => {
                let left = self.value(name)?;
                self.apply(binary, left, right)?
            }
        };
        if self.skip == 0 {
            self.variables.set(name, value)?;
        }
        Ok(value)
    }

    fn conditional(&mut self) -> Result<i64, ArithmeticError> {
        let condition = self.binary(0)?;
        self.blanks();
        if !self.at("?") {
            return Ok(condition);
        }
        self.position += 1;
        let yes = self.branch(condition != 0, Self::assignment)?;
        self.blanks();
        if !self.at(":") {
            return Err(self.error("expecting ':'"));
        }
        self.position += 1;
        let no = self.branch(condition == 0, Self::conditional)?;
        Ok(if condition != 0 { yes } else { no })
    }

    fn branch(
        &mut self,
        taken: bool,
        read: impl FnOnce(&mut Self) -> Result<i64, ArithmeticError>,
    ) -> Result<i64, ArithmeticError> {
        self.skip += u32::from(!taken);
        let value = self.nested(read)?;
        self.skip -= u32::from(!taken);
        Ok(value)
    }

    fn operator(&mut self, level: usize) -> Option<&'static str> {
        self.blanks();
        let found = BINARY[level].iter().copied().find(|operator| self.at(operator))?;
        // `a | | b`, `a |= b` and `a || b` are other operators than `|`.
        let next = self.text.get(self.position + found.len());
        let longer = match found {
            "|" | "&" => next == Some(&found.as_bytes()[0]) || next == Some(&b'='),
            "<" | ">" => next == Some(&found.as_bytes()[0]),
            "*" if self.bash && next == Some(&b'*') => true,
            "<<" | ">>" | "^" | "+" | "-" | "*" | "/" | "%" => next == Some(&b'='),
            _ => false,
        };
        (!longer).then_some(found)
    }

    fn binary(&mut self, level: usize) -> Result<i64, ArithmeticError> {
        if level == BINARY.len() {
            return self.power();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(level) {
            self.position += operator.len();
            left = match operator {
                "||" => {
                    let right = self.branch(left == 0, |reader| reader.binary(level + 1))?;
                    i64::from(left != 0 || right != 0)
                }
                "&&" => {
                    let right = self.branch(left != 0, |reader| reader.binary(level + 1))?;
                    i64::from(left != 0 && right != 0)
                }
                _ => {
                    let right = self.binary(level + 1)?;
                    self.apply(operator, left, right)?
                }
            };
        }
        Ok(left)
    }

    fn apply(&self, operator: &str, left: i64, right: i64) -> Result<i64, ArithmeticError> {
        let shift = u32::try_from(right & 63).expect("it is below 64");
        Ok(match operator {
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<=" => i64::from(left <= right),
            ">=" => i64::from(left >= right),
            "<" => i64::from(left < right),
            ">" => i64::from(left > right),
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            "/" | "%" if right == 0 && self.skip > 0 => 0,
            "/" | "%" if right == 0 => return Err(self.error("division by zero")),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    /// `a ** b`, of bash.
    fn power(&mut self) -> Result<i64, ArithmeticError> {
        let base = self.unary()?;
        if !self.bash || !self.comes("**") {
            return Ok(base);
        }
        self.position += 2;
        let exponent = self.nested(Self::power)?;
        if exponent < 0 && self.skip == 0 {
            return Err(self.error("exponent less than 0"));
        }
        let (mut result, mut square, mut left) = (1i64, base, exponent.max(0));
        while left > 0 {
            if left & 1 == 1 {
                result = result.wrapping_mul(square);
            }
            square = square.wrapping_mul(square);
            left >>= 1;
        }
        Ok(result)
    }

    /// `++x` and `--x`, of bash; `--5` is twice negated.
    fn step_before(&mut self) -> Result<Option<i64>, ArithmeticError> {
        let change = if self.at("++") { 1 } else { -1 };
        let start = self.position;
        self.position += 2;
        self.blanks();
        let length = self.name();
        if length == 0 {
            self.position = start;
            return Ok(None);
        }
        let name = self.text[self.position..self.position + length].to_vec();
        self.position += length;
        let value = self.value(&name)?.wrapping_add(change);
        self.store(&name, value)?;
        Ok(Some(value))
    }

    fn store(&mut self, name: &[u8], value: i64) -> Result<(), ArithmeticError> {
        if self.skip == 0 { self.variables.set(name, value) } else { Ok(()) }
    }

    fn unary(&mut self) -> Result<i64, ArithmeticError> {
        self.blanks();
        let Some(&byte) = self.text.get(self.position) else { return Err(self.error("expecting primary")) };
        if self.bash
            && (self.at("++") || self.at("--"))
            && let Some(value) = self.step_before()?
        {
            return Ok(value);
        }
        match byte {
            b'-' | b'+' | b'!' | b'~' => {
                self.position += 1;
                let value = self.nested(Self::unary)?;
                Ok(match byte {
                    b'-' => value.wrapping_neg(),
                    b'!' => i64::from(value == 0),
                    b'~' => !value,
                    _ => value,
                })
            }
            b'(' => {
                self.position += 1;
                let value = self.nested(Self::all)?;
                self.blanks();
                if !self.at(")") {
                    return Err(self.error("expecting ')'"));
                }
                self.position += 1;
                Ok(value)
            }
            b'0'..=b'9' => self.number(),
            _ => {
                let length = self.name();
                if length == 0 {
                    return Err(self.error("expecting primary"));
                }
                let name = self.text[self.position..self.position + length].to_vec();
                self.position += length;
                let value = self.value(&name)?;
                if self.bash && (self.comes("++") || self.comes("--")) {
                    let change = if self.at("++") { 1 } else { -1 };
                    self.position += 2;
                    self.store(&name, value.wrapping_add(change))?;
                }
                Ok(value)
            }
        }
    }

    fn number(&mut self) -> Result<i64, ArithmeticError> {
        let rest = &self.text[self.position..];
        let bash = self.bash;
        let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || (bash && matches!(byte, b'#' | b'@' | b'_'));
        let length = rest.iter().take_while(is_digit).count();
        let number = match memchr::memchr(b'#', &rest[..length]) {
            Some(mark) => parse_based(&rest[..mark], &rest[mark + 1..length]).map(i128::from),
            None => parse_number(&rest[..length]),
        };
        let number = number.ok_or_else(|| self.error("expecting primary"))?;
        self.position += length;
        Ok(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn value(&mut self, name: &[u8]) -> Result<i64, ArithmeticError> {
        // What is not evaluated has no effect, its subscripts neither.
        if self.skip > 0 {
            return Ok(0);
        }
        let Some(text) = self.variables.get(name)? else { return Ok(0) };
        let text = text.trim_ascii();
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            _ => (false, text),
        };
        if text.is_empty() {
            return Ok(0);
        }
        let number = match parse_number(digits) {
            Some(number) => number,
            None if self.bash && self.depth < DEPTH_MAX => {
                return nested(text, Dialect::Bash, self.depth + 1, self.variables);
            }
            None if self.bash => return Err(self.error(TOO_DEEP)),
            None => return Err(ArithmeticError(format!("Illegal number: {}", String::from_utf8_lossy(text)))),
        };
        let number = if negative { -number } else { number };
        match i64::try_from(number) {
            Ok(number) => Ok(number),
            Err(_) if self.bash => Ok(if negative { i64::MIN } else { i64::MAX }),
            // A constant is clamped in dash, a variable's value is not.
            Err(_) => Err(ArithmeticError(format!("Illegal number: {}", String::from_utf8_lossy(text)))),
        }
    }
}

/// Decimal, `0` octal or `0x` hexadecimal; no larger than is needed to see that it is too large.
fn parse_number(digits: &[u8]) -> Option<i128> {
    const MOST: i128 = 1 << 64;
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |number: i128, &digit| {
        let digit = char::from(digit).to_digit(radix)?;
        Some((number * i128::from(radix) + i128::from(digit)).min(MOST))
    })
}

/// `base#digits`, of bash: digits are `0`…`9`, `a`…`z`, `A`…`Z`, `@`, `_`.
fn parse_based(base: &[u8], digits: &[u8]) -> Option<i64> {
    if base.first() == Some(&b'0') {
        return None;
    }
    let base: i64 = std::str::from_utf8(base).ok()?.parse().ok().filter(|base| (2..=64).contains(base))?;
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'z' => digit - b'a' + 10,
        b'A'..=b'Z' if base <= 36 => digit - b'A' + 10,
        b'A'..=b'Z' => digit - b'A' + 36,
        b'@' => 62,
        _ => 63,
    };
    digits.iter().try_fold(0i64, |number, &digit| {
        let digit = i64::from(value(digit));
        (digit < base).then(|| number.wrapping_mul(base).wrapping_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Variables for BTreeMap<Vec<u8>, Vec<u8>> {
        fn get(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>, ArithmeticError> {
            Ok(Self::get(self, name).cloned())
        }

        fn set(&mut self, name: &[u8], value: i64) -> Result<(), ArithmeticError> {
            self.insert(name.to_vec(), value.to_string().into_bytes());
            Ok(())
        }
    }

    #[test]
    fn values() {
        let cases = [
            ("", 0),
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("10 % 4 - -1", 3),
            ("0x1f + 010", 39),
            ("1 << 4 | 1", 17),
            ("5 > 3 && 2 >= 2", 1),
            ("0 || 0", 0),
            ("1 ? 2 : 3", 2),
            ("0 ? 2 : 0 ? 3 : 4", 4),
            ("!0 + ~0", 0),
            ("x + 1", 6),
            ("x = 3, 1", 0),
            ("y += 2", 2),
            ("0 && 1/0", 0),
            ("0 ? x = 9 : x", 5),
            ("9223372036854775807 + 1", i64::MIN),
            ("a==b", 1),
            ("7/2", 3),
            ("-7/2", -3),
        ];
        for (text, wanted) in cases {
            let mut variables = BTreeMap::from([(b"x".to_vec(), b"5".to_vec())]);
            let value = evaluate(text.as_bytes(), Dialect::Dash, &mut variables);
            if text.contains(',') {
                assert!(value.is_err(), "{text}");
            } else {
                assert_eq!(value, Ok(wanted), "{text}");
            }
        }
    }

    #[test]
    fn refuses() {
        let deep = "(".repeat(1000);
        for text in ["1/0", "1 +", "a b", "08", "1x", "++x 1", "(1", &deep] {
            assert!(evaluate(text.as_bytes(), Dialect::Dash, &mut BTreeMap::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn values_of_bash() {
        let cases = [
            ("x = 3, x + 1", 4),
            ("2 ** 3 ** 2", 512),
            ("-2 ** 2", 4),
            ("x++ + x", 11),
            ("++x + --x", 11),
            ("- -5 + 1--1", 7),
            ("16#ff + 2#101 + 64#_", 323),
            ("word", 6),
            ("0 && x++", 0),
            ("(1, 2)", 2),
        ];
        for (text, wanted) in cases {
            let mut variables = BTreeMap::from([(b"x".to_vec(), b"5".to_vec()), (b"word".to_vec(), b"x + 1".to_vec())]);
            assert_eq!(evaluate(text.as_bytes(), Dialect::Bash, &mut variables), Ok(wanted), "{text}");
        }
        let mut itself = BTreeMap::from([(b"x".to_vec(), b"x".to_vec())]);
        assert!(evaluate(b"x", Dialect::Bash, &mut itself).is_err());
    }
}
