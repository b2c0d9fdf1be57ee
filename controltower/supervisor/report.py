"""What a person or a program learns about a running tower: ``bin/status``."""

from __future__ import annotations

from typing import Any

from controltower.supervisor.child import identity_of
from controltower.supervisor.home import Home
from controltower.supervisor.plan import web_answers


def report(home: Home) -> dict[str, Any]:
    """The facts: running, ready, address and each process. Asks the web process itself."""
    state = home.state()
    running = home.holder() is not None
    processes = [
        {key: process[key] for key in ("name", "state", "pid", "restarts", "last_exit", "log")}
        | {"state": _state_of(process)}
        for process in state.get("processes", [])
    ]
    alive = all(process["state"] == "ready" for process in processes)
    answers = running and bool(state.get("port")) and web_answers(state["port"])
    return {
        "home": str(home.path),
        "running": running,
        "ready": running and bool(state.get("up")) and alive and answers,
        "answers": answers,
        "address": state.get("address") if running else None,
        "since": state.get("since") if running else None,
        "sandbox": state.get("sandbox", {}) if running else {},
        "processes": processes,
    }


def describe(facts: dict[str, Any]) -> str:
    """The same for a person."""
    if not facts["running"]:
        lines = [f"No tower runs from {facts['home']}; start one with bin/up."]
        left = [p for p in facts["processes"] if p["state"] != "gone"]
        if left:
            names = ", ".join(f"{p['name']} ({p['pid']})" for p in left)
            lines.append(f"A killed tower left these behind: {names}. bin/down ends them.")
        return "\n".join(lines)
    condition = "is up" if facts["ready"] else "is not ready"
    lines = [f"Control Tower {condition}: {facts['address']} (since {facts['since']})"]
    for process in facts["processes"]:
        times = f"restarted {process['restarts']} ×" if process["restarts"] else ""
        why = f"last: {process['last_exit']}" if process["last_exit"] else ""
        line = f"  {process['name']:<22} {process['state']:<18} {process['pid'] or '':<8}"
        lines.append(f"{line} {times} {why}".rstrip())
    lines += [f"  sandbox {name.lower():<14} {url}" for name, url in facts["sandbox"].items()]
    if not facts["answers"]:
        lines.append("The web process does not say that it is ready; see its log below the home.")
    return "\n".join(lines)


def _state_of(process: dict[str, Any]) -> str:
    """What the supervisor wrote, unless the process is gone by now."""
    pid = process["pid"]
    if pid is None:
        return str(process["state"])
    return str(process["state"]) if identity_of(pid) == process["identity"] else "gone"
