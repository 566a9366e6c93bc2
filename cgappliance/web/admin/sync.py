"""Accounts made to agree with the directory: first what that would do, then exactly that."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue

from cgappliance.admin import outside, sync_preview
from cgappliance.admin.provision import Need
from cgappliance.admin.sync_plan import Step
from cgappliance.admin.sync_preview import Means, Outcome, Preview, Wanted
from cgappliance.store.administrators import Role
from cgappliance.web import forms, login_session
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import back_to, begin, blueprint, following, words
from cgappliance.web.i18n import gettext as _
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services
from cgappliance.web.tasks import Task

SHOWN_MAX: Final = 200  #: lines of each table: what is behind them is counted


@blueprint.get("/sync")
@needs(Role.ADMINISTRATOR)
def sync() -> ResponseReturnValue:
    """Show how far it is, what would be done, or what came of it."""
    task = services().tasks.of(g.tenant.id)
    return following(task, _page(task))


@blueprint.post("/sync")
@needs(Role.ADMINISTRATOR)
def preview_sync() -> ResponseReturnValue:
    """Begin to look what would be done."""
    create = forms.flag("create_google_users")
    desk, tenant, means, wanted = login_session.desk(), g.tenant, _means(), Wanted(forms.flag("google") or create, create)
    return begin(services().tasks, lambda progress: sync_preview.look(desk, tenant, means, wanted, progress), url_for(".sync"))


@blueprint.post("/sync/apply")
@needs(Role.ADMINISTRATOR)
def apply_sync() -> ResponseReturnValue:
    """Begin to do what was shown."""
    task = services().tasks.of(g.tenant.id)
    shown = None if task is None else task.result
    if not isinstance(shown, Preview) or shown.digest != forms.text("digest"):
        login_session.notify("warning", _("What was shown is no longer there. Please look at it again."))
        return back_to(url_for(".sync"))
    agreed, confirmed = shown, forms.flag("confirmed")
    desk, tenant, means = login_session.desk(), g.tenant, _means()
    return begin(
        services().tasks,
        lambda progress: sync_preview.apply(desk, tenant, means, agreed, progress, confirmed=confirmed),
        url_for(".sync"),
    )


def _means() -> Means:
    return Means(services().directory, services().google, services().vault)


def _page(task: Task | None) -> str:
    result = None if task is None else task.result
    return render_template(
        "admin/sync.html",
        page="accounts",
        able=outside.lists_people(services().kinds, g.tenant),
        task=task,
        problem="" if task is None or task.problem is None else words(task.problem),
        preview=_shown_preview(result) if isinstance(result, Preview) else None,
        outcome=_shown_outcome(result) if isinstance(result, Outcome) else None,
        most=SHOWN_MAX,
    )


def _shown_preview(preview: Preview) -> dict[str, Any]:
    """Return what the page shows of a preview, however large it is."""
    needed = [need for need in preview.needs if need.anything]
    deeds = [
        (need.address, [word for word, is_needed in zip(_deeds(), _needed(need), strict=True) if is_needed])
        for need in needed[:SHOWN_MAX]
    ]
    problems = [(left.address, sentence(left.why)) for left in preview.plan.left_alone if left.is_problem]
    problems += [(need.address, sentence(need.problem)) for need in preview.needs if need.problem]
    return {
        "of": preview,
        "counts": Counter(str(step.action) for step in preview.plan.steps),
        "steps": [(step, why(step)) for step in preview.plan.steps[:SHOWN_MAX]],
        "steps_count": len(preview.plan.steps),
        "deeds": deeds,
        "deeds_count": len(needed),
        "new_google_users": sum(need.create for need in needed),
        "problems": problems[:SHOWN_MAX],
        "problems_count": len(problems),
        "others_count": sum(not left.is_problem for left in preview.plan.left_alone),
    }


def _shown_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return what the page shows of what was done."""
    problems = [(one.step.address, sentence(one.problem)) for one in outcome.steps if one.problem]
    problems += [(one.address, sentence(one.problem)) for one in outcome.at_google if one.problem]
    return {
        "changed": sum(not one.problem for one in outcome.steps),
        "at_google": sum(bool(one.done) for one in outcome.at_google),
        "problems": problems[:SHOWN_MAX],
        "problems_count": len(problems),
        "stopped": "" if outcome.stopped is None else words(outcome.stopped),
    }


def why(step: Step) -> str:
    """Return why a step is done, in words; the plan's reasons stand one behind the other."""
    return " / ".join(sentence(reason) for reason in step.why.split(", "))


def _deeds() -> tuple[str, str, str]:
    return _("make the user"), _("set a random password"), _("look at POP and IMAP")


def _needed(need: Need) -> tuple[bool, bool, bool]:
    return need.create, need.set_password, need.look_at_mail
