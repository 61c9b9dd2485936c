"""The report: what was thrown and what came out, for people."""

from collections import Counter

from tests.chaos.run import Report

SHOWN = 30  # findings, of what may be thousands with one cause


def as_text(report: Report) -> str:
    """All of it; the last line says how to have the same again."""
    plan = report.plan
    lines = [
        "",
        f"thrown:   {_counted(report.thrown)}",
        *([f"not to be had here: {_counted(report.not_thrown)}"] if report.not_thrown else []),
        f"started:  {_counted(report.starts)}",
        f"sent:     {report.sent.total()} messages: {_counted(report.sent)}",
        f"ledger:   {_counted(report.rows)}; {report.waiting} wait, {report.parked} are parked",
        f"events:   {report.heard} arrived, {report.told_again} of them again",
        f"quiet:    {report.quiet_after_s:.0f} s after the last fault was mended",
        *_findings("LOST, as Redis may" if report.may_have_lost else "LOST", report.lost),
        *_findings("WRONG", report.wrong),
        f"{'clean' if report.is_clean else 'NOT CLEAN'}; again: "
        f"make chaos SEED={plan.seed} MINUTES={plan.seconds / 60:g} BROKER={plan.broker}",
        "",
    ]
    return "\n".join(lines)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counter.items()))


def _findings(title: str, findings: list[str]) -> list[str]:
    if not findings:
        return []
    more = [f"  … and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []
    return [f"{title}: {len(findings)}", *(f"  {finding}" for finding in findings[:SHOWN]), *more]
