//! Boots as one HTML page without scripts and external resources, for example for a forum post.
//!
//! ```text
//! page ─┬─ summary   one row per boot, with links
//!       └─ section   verdict, picture, all steps of a boot
//!            └─ chart   rows with bars on an `Axis`, or a list if there are no times; the colours are `Mark`s
//! ```

mod axis;
mod chart;
mod escape;
mod mark;
mod outcome;
mod summary;

use super::boot::Boot;
use super::correlate::FailedStart;
use super::source::Source;
use super::text::{describe, offset};
use escape::Escaped;
use outcome::{Outcome, outcome};
use std::fmt::{self, Write};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub fn page(
    boots: &[Boot],
    failed_starts: &[FailedStart],
    problems: &[String],
    source: Source,
) -> String {
    let mut page = String::new();
    // Writing into a String cannot fail.
    let _ = write_page(&mut page, boots, failed_starts, problems, source);
    page
}

fn write_page(
    out: &mut String,
    boots: &[Boot],
    failed_starts: &[FailedStart],
    problems: &[String],
    source: Source,
) -> fmt::Result {
    let outcomes: Vec<Outcome> = boots.iter().map(outcome).collect();
    let count = outcome::number_of_boots(boots.len());
    let counts = outcome::counts(&outcomes);
    let texts: Vec<&str> = counts.iter().map(|(_, text)| &**text).collect();
    let separator = if texts.is_empty() { "" } else { ": " };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{count}{separator}{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{count}</h1>\n<p>",
        texts.join(", ")
    )?;
    for (verdict, text) in counts {
        write!(out, "<span class=\"badge {}\">{text}</span> ", outcome::class(verdict))?;
    }
    writeln!(out, "</p>\n<p class=\"muted\">{}</p>", origin(source))?;
    for start in failed_starts {
        failed_start(out, start)?;
    }
    if boots.is_empty() {
        writeln!(out, "<p>{}</p>", source.nothing_found())?;
        for problem in problems {
            writeln!(out, "<p>The server logged: {}</p>", Escaped(problem))?;
        }
    } else {
        summary::write(out, boots, &outcomes)?;
    }
    for (number, (boot, outcome)) in (1..).zip(boots.iter().zip(&outcomes)) {
        section(out, number, boot, outcome, source)?;
    }
    out.write_str("</body>\n</html>\n")
}

fn origin(source: Source) -> &'static str {
    match source {
        Source::Log => "Made by pxemasq --story=html from a log of pxemasq or dnsmasq.",
        Source::Capture => "Made by pxemasq --story=html from a packet capture.",
    }
}

/// A start of the server that was refused.
fn failed_start(out: &mut String, start: &FailedStart) -> fmt::Result {
    let time = if start.raw_time.is_empty() { "" } else { ", " };
    writeln!(
        out,
        "<div class=\"verdict fails\"><p><strong>The start of the server was refused{time}{}</strong></p><p>{}</p></div>",
        Escaped(&start.raw_time),
        Escaped(&start.text)
    )
}

/// A boot: verdict, picture, all steps.
fn section(
    out: &mut String,
    number: usize,
    boot: &Boot,
    outcome: &Outcome,
    source: Source,
) -> fmt::Result {
    writeln!(out, "<section id=\"boot-{number}\">")?;
    heading(out, boot)?;
    verdict(out, outcome)?;
    chart::write(out, boot, source)?;
    all_steps(out, boot)?;
    out.write_str("</section>\n")
}

fn heading(out: &mut String, boot: &Boot) -> fmt::Result {
    writeln!(out, "<h2>{}</h2>", Escaped(&boot.client()))?;
    let name = boot.name.clone();
    let architecture = boot.architecture.map(|one| format!("architecture {one}"));
    let time = Some(boot.raw_time.clone()).filter(|time| !time.is_empty());
    let parts: Vec<String> = [name, architecture, time].into_iter().flatten().collect();
    if parts.is_empty() {
        Ok(())
    } else {
        writeln!(out, "<p class=\"muted\">{}</p>", Escaped(&parts.join(", ")))
    }
}

fn verdict(out: &mut String, outcome: &Outcome) -> fmt::Result {
    write!(
        out,
        "<div class=\"verdict {}\"><p><span class=\"badge\">{}</span> <strong>{}</strong></p>",
        outcome::class(outcome.verdict),
        outcome::word(outcome.verdict),
        Escaped(&outcome.text)
    )?;
    if let Some(advice) = &outcome.advice {
        write!(out, "<p>What to do: {}</p>", Escaped(advice))?;
    }
    writeln!(out, "</div>")
}

fn all_steps(out: &mut String, boot: &Boot) -> fmt::Result {
    let count = boot.steps.len();
    let title = if count == 1 {
        "The step as text".to_owned()
    } else {
        format!("All {count} steps as text")
    };
    write!(out, "<details><summary>{title}</summary><pre>")?;
    for step in &boot.steps {
        let time = offset(step);
        let text = describe(&step.kind);
        let separator = if time.is_empty() { "" } else { "  " };
        writeln!(out, "{time:>9}{separator}{}", Escaped(&text))?;
    }
    writeln!(out, "</pre></details>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::boot::StepKind;
    use std::time::Duration;

    fn boot(offset: Option<Duration>, path: &str) -> Boot {
        let mut boot = Boot::default();
        boot.add(
            Some(Duration::ZERO).and(offset),
            StepKind::NotFound { path: "x".into(), count: 1 },
        );
        boot.add(offset, StepKind::File { path: path.into(), stats: None });
        boot
    }

    #[test]
    fn file_name_with_markup_is_escaped_in_each_place() {
        let name = "<script>alert(1)</script>&\"";
        for offset in [None, Some(Duration::from_secs(1))] {
            let mut boot = boot(offset, name);
            boot.raw_time = name.into();
            boot.mac = Some(name.into());
            let page = page(&[boot], &[], &[], Source::Log);
            assert!(!page.contains("<script"), "{page}");
            assert!(page.contains("&lt;script&gt;"), "{page}");
        }
    }

    #[test]
    fn title_has_number_and_outcome() {
        let boots = [boot(None, "vmlinuz"), boot(None, "vmlinuz")];
        let title = |boots: &[Boot]| {
            let page = page(boots, &[], &[], Source::Log);
            let (_, rest) = page.split_once("<title>").unwrap();
            rest.split_once("</title>").unwrap().0.to_owned()
        };
        assert_eq!(title(&boots), "2 network boots: 2 boot");
        assert_eq!(title(&boots[..1]), "1 network boot: 1 boots");
        assert_eq!(title(&[]), "No network boot");
    }

    #[test]
    fn log_without_times_is_shown_as_list() {
        let without = page(&[boot(None, "vmlinuz")], &[], &[], Source::Log);
        assert!(without.contains("this log has no times"), "{without}");
        assert!(!without.contains("class=\"track\""), "{without}");
        let with = page(&[boot(Some(Duration::from_secs(1)), "vmlinuz")], &[], &[], Source::Log);
        assert!(!with.contains("no times") && with.contains("class=\"track\""), "{with}");
    }
}
