//! awk(1), POSIX's, without pipes and `getline`: what scripts need to take a text apart.

mod parse;
mod values;

use std::collections::BTreeMap;

use super::Call;
use super::Command;
use super::Done;
use super::Fault;
use super::regex::Regex;
use super::regex::Syntax;
use super::show;
use parse::Expression;
use parse::Output;
use parse::Pattern;
use parse::Program;
use parse::Statement;
use values::Value;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[("awk", awk), ("gawk", awk), ("mawk", awk), ("nawk", awk)];

/// A program that takes more is stopped.
const STEPS_MAX: usize = 5_000_000;
const DEPTH_MAX: usize = 100;

fn awk(call: &mut Call<'_, '_>) -> Done {
    let given = call.options("+F:v:f:", &[("field-separator", b'F'), ("assign", b'v'), ("file", b'f')])?;
    let mut operands = given.operands.as_slice();
    let mut text = Vec::new();
    for path in given.values(b'f') {
        text.extend(call.read(path)?);
        text.push(b'\n');
    }
    if !given.has(b'f') {
        let Some((first, rest)) = operands.split_first() else {
            return Err(Fault::Failed(2, "no program text".into()));
        };
        text.clone_from(first);
        operands = rest;
    }
    let program = parse::parse(&text)?;
    let mut machine = Machine::new(call, &program);
    if let Some(separator) = given.value(b'F') {
        let separator = if separator == b"t" { b"\t".to_vec() } else { values::unescape(separator) };
        machine.set("FS", Value::Text(separator));
    }
    for assignment in given.values(b'v') {
        machine.assign_argument(assignment)?;
    }
    machine.run(operands)
}

/// What a statement does to the way on.
enum Way {
    On,
    Next,
    Exit,
    Break,
    Continue,
    Return(Value),
}

struct Machine<'c, 's, 'w> {
    call: &'c mut Call<'s, 'w>,
    program: &'c Program,
    variables: BTreeMap<String, Value>,
    arrays: BTreeMap<String, BTreeMap<Vec<u8>, Value>>,
    /// Parameters of the functions being called.
    frames: Vec<BTreeMap<String, Value>>,
    record: Vec<u8>,
    fields: Vec<Vec<u8>>,
    expressions: BTreeMap<Vec<u8>, Regex>,
    written: BTreeMap<Vec<u8>, Vec<u8>>,
    ranges: Vec<bool>,
    status: i32,
    steps: usize,
}

impl<'c, 's, 'w> Machine<'c, 's, 'w> {
    fn new(call: &'c mut Call<'s, 'w>, program: &'c Program) -> Self {
        let text = |text: &str| Value::Text(text.as_bytes().to_vec());
        let defaults = [("FS", " "), ("OFS", " "), ("ORS", "\n"), ("RS", "\n"), ("SUBSEP", "\u{1c}")];
        let mut variables: BTreeMap<String, Value> =
            defaults.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        variables.insert("NR".into(), Value::Number(0.0));
        let environment: BTreeMap<Vec<u8>, Value> =
            call.shell.environment().map(|(name, value)| (name.to_vec(), Value::input(value))).collect();
        Self {
            call,
            program,
            variables,
            arrays: BTreeMap::from([("ENVIRON".to_owned(), environment)]),
            frames: Vec::new(),
            record: Vec::new(),
            fields: Vec::new(),
            expressions: BTreeMap::new(),
            written: BTreeMap::new(),
            ranges: vec![false; program.rules.len()],
            status: 0,
            steps: 0,
        }
    }

    fn assign_argument(&mut self, assignment: &[u8]) -> Result<(), Fault> {
        let equals = memchr::memchr(b'=', assignment).ok_or_else(|| Fault::gap("an assignment without `=`"))?;
        let value = values::unescape(&assignment[equals + 1..]);
        self.set(&show(&assignment[..equals]), Value::input(&value));
        Ok(())
    }

    fn run(&mut self, operands: &[Vec<u8>]) -> Done {
        let program = self.program;
        let mut going = self.rules(program, |pattern| matches!(pattern, Pattern::Begin))?;
        let reads = program.rules.iter().any(|(pattern, _)| !matches!(pattern, Pattern::Begin));
        if going && reads {
            let mut files = 0;
            for operand in operands {
                let name = memchr::memchr(b'=', operand)
                    .filter(|place| crate::configure::shell::parse::is_name(&operand[..*place]));
                if name.is_some() {
                    self.assign_argument(operand)?;
                    continue;
                }
                files += 1;
                let text = self.call.read(operand)?;
                going = going && self.records(&text)?;
            }
            if files == 0 {
                let text = self.call.input()?;
                going = self.records(&text)?;
            }
        }
        if going || reads {
            self.rules(program, |pattern| matches!(pattern, Pattern::End))?;
        }
        for (path, bytes) in std::mem::take(&mut self.written) {
            self.call.write(&path, 0o666, bytes)?;
        }
        Ok(self.status)
    }

    fn records(&mut self, text: &[u8]) -> Result<bool, Fault> {
        let separator = self.get("RS").text();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if text.is_empty() {
            return Ok(true);
        }
        let records: Vec<Vec<u8>> = match separator.as_slice() {
            [] => {
                let paragraphs = values::split_on(text, b"\n\n");
                paragraphs.into_iter().map(|part| part.trim_ascii().to_vec()).filter(|part| !part.is_empty()).collect()
            }
            [byte] => text.split(|other| other == byte).map(<[u8]>::to_vec).collect(),
            _ => self.split_at_matches(text, &separator)?,
        };
        for record in records {
            let count = self.get("NR").number() + 1.0;
            self.set("NR", Value::Number(count));
            self.set("FNR", Value::Number(count));
            self.set_record(record)?;
            let program = self.program;
            if !self.rules(program, |pattern| !matches!(pattern, Pattern::Begin | Pattern::End))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs the rules of a kind; `false` when the program exits.
    fn rules(&mut self, program: &'c Program, chosen: fn(&Pattern) -> bool) -> Result<bool, Fault> {
        for (index, (pattern, body)) in program.rules.iter().enumerate() {
            if !chosen(pattern) || !self.selects(index, pattern)? {
                continue;
            }
            let Some(body) = body else {
                let record = self.record.clone();
                self.print(&[record], None)?;
                continue;
            };
            match self.execute(body)? {
                Way::Next => break,
                Way::Exit => return Ok(false),
                _ => {}
            }
        }
        Ok(true)
    }

    fn selects(&mut self, index: usize, pattern: &Pattern) -> Result<bool, Fault> {
        match pattern {
            Pattern::Begin | Pattern::End | Pattern::Always => Ok(true),
            Pattern::When(condition) => Ok(self.evaluate(condition)?.is_true()),
            Pattern::Range(first, last) => {
                if !self.ranges[index] && !self.evaluate(first)?.is_true() {
                    return Ok(false);
                }
                self.ranges[index] = !self.evaluate(last)?.is_true();
                Ok(true)
            }
        }
    }

    // --- statements ------------------------------------------------------------------------------------------

    fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        self.call.shell.spend(0)?;
        if self.steps > STEPS_MAX { Err(Fault::gap("a program that does not end")) } else { Ok(()) }
    }

    fn execute(&mut self, statement: &Statement) -> Result<Way, Fault> {
        self.step()?;
        match statement {
            Statement::Expression(expression) => drop(self.evaluate(expression)?),
            Statement::Print(list, output) => {
                let mut texts = list
                    .iter()
                    .map(|item| self.evaluate(item).map(|value| value.text()))
                    .collect::<Result<Vec<_>, _>>()?;
                if texts.is_empty() {
                    texts.push(self.record.clone());
                }
                self.print(&texts, output.as_ref())?;
            }
            Statement::Format(list, output) => {
                let text = self.format(list)?;
                self.put(&text, output.as_ref())?;
            }
            Statement::If(condition, yes, no) => {
                if self.evaluate(condition)?.is_true() {
                    return self.execute(yes);
                }
                if let Some(no) = no {
                    return self.execute(no);
                }
            }
            Statement::Loop { condition, body, step, first } => {
                return self.run_loop(condition.as_ref(), body, step.as_deref(), *first);
            }
            Statement::ForIn(key, array, body) => {
                let keys: Vec<Vec<u8>> =
                    self.arrays.get(array).map(|array| array.keys().cloned().collect()).unwrap_or_default();
                for value in keys {
                    self.set(key, Value::input(&value));
                    match self.execute(body)? {
                        Way::Break => break,
                        Way::On | Way::Continue => {}
                        way => return Ok(way),
                    }
                }
            }
            Statement::Block(statements) => {
                for statement in statements {
                    match self.execute(statement)? {
                        Way::On => {}
                        way => return Ok(way),
                    }
                }
            }
            Statement::Next => return Ok(Way::Next),
            Statement::Break => return Ok(Way::Break),
            Statement::Continue => return Ok(Way::Continue),
            Statement::Exit(status) => {
                if let Some(status) = status {
                    self.status = values::to_integer(self.evaluate(status)?.number()) as i32 & 255;
                }
                return Ok(Way::Exit);
            }
            Statement::Return(value) => {
                let value = value.as_ref().map(|value| self.evaluate(value)).transpose()?;
                return Ok(Way::Return(value.unwrap_or_default()));
            }
            Statement::Delete(array, index) if index.is_empty() => drop(self.arrays.remove(array)),
            Statement::Delete(array, index) => {
                let key = self.key(index)?;
                self.arrays.entry(array.clone()).or_default().remove(&key);
            }
        }
        Ok(Way::On)
    }

    fn run_loop(
        &mut self,
        condition: Option<&Expression>,
        body: &Statement,
        step: Option<&Statement>,
        first: bool,
    ) -> Result<Way, Fault> {
        let mut check = first;
        loop {
            self.step()?;
            if let Some(condition) = condition.filter(|_| check)
                && !self.evaluate(condition)?.is_true()
            {
                return Ok(Way::On);
            }
            check = true;
            match self.execute(body)? {
                Way::Break => return Ok(Way::On),
                Way::On | Way::Continue => {}
                way => return Ok(way),
            }
            if let Some(step) = step {
                self.execute(step)?;
            }
        }
    }

    fn print(&mut self, texts: &[Vec<u8>], output: Option<&Output>) -> Result<(), Fault> {
        let mut line = texts.join(self.get("OFS").text().as_slice());
        line.extend(self.get("ORS").text());
        self.put(&line, output)
    }

    fn put(&mut self, text: &[u8], output: Option<&Output>) -> Result<(), Fault> {
        let Some(output) = output else { return self.call.out(text) };
        let path = self.evaluate(&output.path)?.text();
        match path.as_slice() {
            b"/dev/stdout" => self.call.out(text),
            b"/dev/stderr" => {
                self.call.shell.print_error(text)?;
                Ok(())
            }
            _ => {
                if !self.written.contains_key(&path) {
                    let before = if output.append { self.call.read(&path).unwrap_or_default() } else { Vec::new() };
                    self.written.insert(path.clone(), before);
                }
                self.written.entry(path).or_default().extend_from_slice(text);
                Ok(())
            }
        }
    }

    fn format(&mut self, list: &[Expression]) -> Result<Vec<u8>, Fault> {
        let mut values = list.iter().map(|item| self.evaluate(item)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let format = values.next().unwrap_or_default().text();
        values::format(&format, &values.collect::<Vec<_>>())
    }

    // --- variables -------------------------------------------------------------------------------------------

    fn get(&self, name: &str) -> Value {
        if name == "NF" {
            return Value::Number(self.fields.len() as f64);
        }
        let local = self.frames.last().and_then(|frame| frame.get(name));
        local.or_else(|| self.variables.get(name)).cloned().unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.frames.last_mut().and_then(|frame| frame.get_mut(name)) {
            *slot = value;
        } else {
            self.variables.insert(name.to_owned(), value);
        }
    }

    fn key(&mut self, index: &[Expression]) -> Result<Vec<u8>, Fault> {
        let parts =
            index.iter().map(|part| self.evaluate(part).map(|value| value.text())).collect::<Result<Vec<_>, _>>()?;
        Ok(parts.join(self.get("SUBSEP").text().as_slice()))
    }

    fn set_record(&mut self, record: Vec<u8>) -> Result<(), Fault> {
        self.fields = self.split(&record, None)?;
        self.record = record;
        Ok(())
    }

    fn split(&mut self, text: &[u8], separator: Option<&[u8]>) -> Result<Vec<Vec<u8>>, Fault> {
        let separator = separator.map_or_else(|| self.get("FS").text(), <[u8]>::to_vec);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        Ok(match separator.as_slice() {
            b" " => text.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).map(<[u8]>::to_vec).collect(),
            [] => text.iter().map(|&byte| vec![byte]).collect(),
            [byte] if !b"\\|^$.*+?([{".contains(byte) || *byte == b'|' => {
                text.split(|other| other == byte).map(<[u8]>::to_vec).collect()
            }
            _ => self.split_at_matches(text, &separator)?,
        })
    }

    /// What stands between the matches of an expression; a match of nothing separates nothing.
    fn split_at_matches(&mut self, text: &[u8], separator: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
        let regex = self.regex(separator)?;
        let (mut parts, mut from) = (Vec::new(), 0);
        while let Some(groups) = regex.find(text, from)? {
            let (begin, end) = groups[0].unwrap_or_default();
            if begin == end {
                break;
            }
            parts.push(text[from..begin].to_vec());
            from = end;
        }
        parts.push(text[from..].to_vec());
        Ok(parts)
    }

    fn regex(&mut self, pattern: &[u8]) -> Result<Regex, Fault> {
        if let Some(regex) = self.expressions.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Regex::new(pattern, Syntax::Extended, false)?;
        self.expressions.insert(pattern.to_vec(), regex.clone());
        Ok(regex)
    }

    fn field(&self, index: usize) -> Value {
        match index {
            0 => Value::input(&self.record),
            _ => self.fields.get(index - 1).map_or_else(Value::default, |field| Value::input(field)),
        }
    }

    fn store(&mut self, target: &Expression, value: Value) -> Result<(), Fault> {
        match target {
            Expression::Variable(name) if name == "NF" => {
                let count = values::to_index(value.number())?;
                self.fields.resize(count, Vec::new());
                self.record = self.fields.join(self.get("OFS").text().as_slice());
            }
            Expression::Variable(name) => self.set(name, value),
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                self.arrays.entry(array.clone()).or_default().insert(key, value);
            }
            Expression::Field(index) => {
                let index = values::to_index(self.evaluate(index)?.number())?;
                if index == 0 {
                    return self.set_record(value.text());
                }
                if self.fields.len() < index {
                    self.fields.resize(index, Vec::new());
                }
                self.fields[index - 1] = value.text();
                self.record = self.fields.join(self.get("OFS").text().as_slice());
            }
            _ => return Err(Fault::gap("an assignment to a value")),
        }
        Ok(())
    }

    // --- expressions -----------------------------------------------------------------------------------------

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, Fault> {
        self.step()?;
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(text) => Value::Text(text.clone()),
            Expression::Regex(pattern) => {
                let regex = self.regex(pattern)?;
                Value::truth(regex.is_match(&self.record)?)
            }
            Expression::Variable(name) => self.get(name),
            Expression::Element(array, index) => {
                let key = self.key(index)?;
                self.arrays.entry(array.clone()).or_default().entry(key).or_default().clone()
            }
            Expression::Field(index) => {
                let index = values::to_index(self.evaluate(index)?.number())?;
                self.field(index)
            }
            Expression::Assign(target, operator, right) => {
                let right = self.evaluate(right)?;
                let value = match operator {
                    Some(operator) => {
                        let left = self.evaluate(target)?.number();
                        Value::Number(values::calculate(operator, left, right.number())?)
                    }
                    None => right,
                };
                self.store(target, value.clone())?;
                value
            }
            Expression::Step(target, before, by) => {
                let old = self.evaluate(target)?.number();
                self.store(target, Value::Number(old + by))?;
                Value::Number(if *before { old + by } else { old })
            }
            Expression::Binary(operator, left, right) => self.binary(operator, left, right)?,
            Expression::Unary(b'!', inner) => Value::truth(!self.evaluate(inner)?.is_true()),
            Expression::Unary(b'-', inner) => Value::Number(-self.evaluate(inner)?.number()),
            Expression::Unary(_, inner) => Value::Number(self.evaluate(inner)?.number()),
            Expression::Choose(condition, yes, no) => {
                let chosen = if self.evaluate(condition)?.is_true() { yes } else { no };
                self.evaluate(chosen)?
            }
            Expression::Concatenate(left, right) => {
                let mut text = self.evaluate(left)?.text();
                text.extend(self.evaluate(right)?.text());
                if text.len() > self.call.shell.world.limits.bytes {
                    return Err(Fault::gap("a text beyond the limit for scripts"));
                }
                Value::Text(text)
            }
            Expression::In(index, array) => {
                let key = self.key(index)?;
                Value::truth(self.arrays.get(array).is_some_and(|array| array.contains_key(&key)))
            }
            Expression::Call(name, arguments) => self.function(name, arguments)?,
        })
    }

    fn binary(&mut self, operator: &str, left: &Expression, right: &Expression) -> Result<Value, Fault> {
        let value = match operator {
            "||" => Value::truth(self.evaluate(left)?.is_true() || self.evaluate(right)?.is_true()),
            "&&" => Value::truth(self.evaluate(left)?.is_true() && self.evaluate(right)?.is_true()),
            "~" | "!~" => {
                let text = self.evaluate(left)?.text();
                let regex = self.pattern(right)?;
                Value::truth(regex.is_match(&text)? == (operator == "~"))
            }
            "<" | "<=" | "==" | "!=" | ">" | ">=" => {
                let order = self.evaluate(left)?.compare(&self.evaluate(right)?);
                Value::truth(match operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    "==" => order.is_eq(),
                    "!=" => order.is_ne(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
            _ => {
                let (left, right) = (self.evaluate(left)?.number(), self.evaluate(right)?.number());
                Value::Number(values::calculate(operator, left, right)?)
            }
        };
        Ok(value)
    }

    /// A regular expression: written as one, or a text that is one.
    fn pattern(&mut self, expression: &Expression) -> Result<Regex, Fault> {
        let pattern = match expression {
            Expression::Regex(pattern) => pattern.clone(),
            other => self.evaluate(other)?.text(),
        };
        self.regex(&pattern)
    }

    fn function(&mut self, name: &str, arguments: &[Expression]) -> Result<Value, Fault> {
        let text = |machine: &mut Self, index: usize| -> Result<Vec<u8>, Fault> {
            match arguments.get(index) {
                Some(argument) => machine.evaluate(argument).map(|value| value.text()),
                None => Ok(machine.record.clone()),
            }
        };
        Ok(match name {
            "length" => match arguments.first() {
                Some(Expression::Variable(array)) if self.arrays.contains_key(array) => {
                    Value::Number(self.arrays[array].len() as f64)
                }
                _ => Value::Number(text(self, 0)?.len() as f64),
            },
            "tolower" => Value::Text(text(self, 0)?.to_ascii_lowercase()),
            "toupper" => Value::Text(text(self, 0)?.to_ascii_uppercase()),
            "int" => Value::Number(text(self, 0).map(|text| Value::input(&text).number().trunc())?),
            "index" => {
                let (whole, part) = (text(self, 0)?, text(self, 1)?);
                Value::Number(memchr::memmem::find(&whole, &part).map_or(0.0, |place| place as f64 + 1.0))
            }
            "substr" => {
                let whole = text(self, 0)?;
                let from =
                    arguments.get(1).map_or(Ok(1.0), |from| self.evaluate(from).map(|from| from.number().round()))?;
                let length = arguments
                    .get(2)
                    .map(|length| self.evaluate(length).map(|length| length.number().round()))
                    .transpose()?;
                Value::Text(values::substring(&whole, from, length))
            }
            "sprintf" => Value::Text(self.format(arguments)?),
            "split" => {
                let whole = text(self, 0)?;
                let Some(Expression::Variable(array)) = arguments.get(1) else {
                    return Err(Fault::gap("split into no array"));
                };
                let separator = match arguments.get(2) {
                    Some(Expression::Regex(pattern)) => Some(pattern.clone()),
                    Some(other) => Some(self.evaluate(other)?.text()),
                    None => None,
                };
                let parts = self.split(&whole, separator.as_deref())?;
                let count = parts.len();
                let numbered = parts
                    .iter()
                    .enumerate()
                    .map(|(index, part)| ((index + 1).to_string().into_bytes(), Value::input(part)));
                self.arrays.insert(array.clone(), numbered.collect());
                Value::Number(count as f64)
            }
            "match" => {
                let whole = text(self, 0)?;
                let Some(pattern) = arguments.get(1).filter(|_| arguments.len() == 2) else {
                    return Err(Fault::gap("match with an array"));
                };
                let found = self.pattern(pattern)?.find(&whole, 0)?.and_then(|groups| groups[0]);
                let (start, length) = found.map_or((0.0, -1.0), |(from, to)| (from as f64 + 1.0, (to - from) as f64));
                self.set("RSTART", Value::Number(start));
                self.set("RLENGTH", Value::Number(length));
                Value::Number(start)
            }
            "sub" | "gsub" => self.replace(name == "gsub", arguments)?,
            "close" | "fflush" => Value::Number(0.0),
            _ => self.own_function(name, arguments)?,
        })
    }

    fn replace(&mut self, global: bool, arguments: &[Expression]) -> Result<Value, Fault> {
        let [pattern, replacement, rest @ ..] = arguments else { return Err(Fault::gap("sub without arguments")) };
        let whole = Expression::Field(Box::new(Expression::Number(0.0)));
        let target = rest.first().unwrap_or(&whole);
        let regex = self.pattern(pattern)?;
        let replacement = self.evaluate(replacement)?.text();
        let text = self.evaluate(target)?.text();
        let (mut made, mut copied, mut at, mut count) = (Vec::new(), 0, 0, 0.0);
        let mut last_end = None;
        while at <= text.len() {
            // Every search begins anew on the whole text.
            self.call.shell.world.budget.read(text.len())?;
            self.step()?;
            let Some(groups) = regex.find(&text, at)? else { break };
            let (begin, end) = groups[0].unwrap_or_default();
            // Directly behind a match nothing is no further one.
            if begin == end && last_end == Some(begin) {
                at = begin + 1;
                last_end = None;
                continue;
            }
            last_end = Some(end);
            made.extend_from_slice(&text[copied..begin]);
            values::insert(&replacement, &text[begin..end], &mut made);
            count += 1.0;
            copied = end;
            if begin == end {
                made.extend(text.get(end));
                copied = (end + 1).min(text.len());
            }
            at = end.max(begin + 1);
            if !global {
                break;
            }
        }
        made.extend_from_slice(&text[copied..]);
        if count > 0.0 {
            self.store(target, Value::Text(made))?;
        }
        Ok(Value::Number(count))
    }

    fn own_function(&mut self, name: &str, arguments: &[Expression]) -> Result<Value, Fault> {
        let program = self.program;
        let Some(function) = program.functions.iter().find(|function| function.name == name) else {
            return Err(Fault::gap(format!("function {name}")));
        };
        if self.frames.len() > DEPTH_MAX {
            return Err(Fault::gap("functions nested too deeply"));
        }
        let mut frame = BTreeMap::new();
        for (index, parameter) in function.parameters.iter().enumerate() {
            if let Some(Expression::Variable(array)) = arguments.get(index)
                && self.arrays.contains_key(array)
            {
                return Err(Fault::gap("an array given to a function"));
            }
            let value = arguments.get(index).map(|argument| self.evaluate(argument)).transpose()?.unwrap_or_default();
            frame.insert(parameter.clone(), value);
        }
        self.frames.push(frame);
        let way = self.execute(&function.body);
        self.frames.pop();
        match way? {
            Way::Return(value) => Ok(value),
            _ => Ok(Value::default()),
        }
    }
}
