"""The script of the readable page: finds endpoints, and asks them for whoever says who they are.

What somebody types as a key or password is in the variables of one function and nowhere else: no storage,
no cookie, no address has it, and it is gone with the page. It is sent to the gateway that the page came from,
and no redirection is followed with it.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = """
"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const box = by("find");
  const count = by("count");
  box.parentElement.hidden = false;
  const sections = [...document.querySelectorAll("section")];
  const filter = () => {
    const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const section of sections) {
      let any = false;
      for (const each of section.querySelectorAll("details")) {
        const text = each.querySelector("summary").textContent.toLowerCase() + " " + section.id;
        each.hidden = !words.every((word) => text.includes(word));
        if (!each.hidden) { any = true; shown += 1; }
      }
      section.hidden = !any;
    }
    count.textContent = words.length ? shown + " found" : "";
  };
  box.addEventListener("input", filter);

  let said = {};
  let loggedIn = false;
  const access = by("access");
  const tell = (text, bad) => {
    by("who").textContent = text;
    by("who").className = bad ? "bad" : "";
  };
  const offer = (forms) => {
    by("with-key").hidden = by("login").hidden = !forms;
    by("logout").hidden = forms || !Object.keys(said).length;
  };
  const forget = () => { said = {}; loggedIn = false; };
  const ask = async (method, path, body) => {
    const url = new URL(path, location.origin);
    if (url.origin !== location.origin) { throw new Error("only this gateway is asked"); }
    const headers = { ...said, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    const answer = await fetch(url, { method, body, headers, cache: "no-store", credentials: "omit",
      redirect: "error", referrerPolicy: "no-referrer" });
    const text = await answer.text();
    let envelope = {};
    try { envelope = JSON.parse(text) || {}; } catch { /* a page, perhaps of a proxy */ }
    const told = envelope.message || "";
    if (answer.status === 401) {
      forget();
      offer(true);
      tell("Say who asks: " + told, true);
    }
    return { status: answer.status, text, envelope, told };
  };
  const who = async () => {
    const answer = await ask("GET", "/api/auth/me");
    if (answer.status === 401) { return; }
    const data = answer.envelope.data;
    if (answer.status !== 200 || !data) {
      offer(true);
      tell(answer.told || "status " + answer.status, true);
    } else if (data.kind === "address") {
      forget();
      offer(false);
      tell("Nobody has to say who they are here: security is off.");
    } else {
      offer(false);
      const may = data.permissions.join(", ") || "nothing";
      tell("Asking as " + data.name + " (" + data.kind + "), who may: " + may);
    }
  };
  const trying = (work) => async (event) => {
    event.preventDefault();
    try { await work(); } catch (error) { tell("No answer: " + error.message, true); }
  };
  const taken = (id) => {
    const value = by(id).value;
    by(id).value = "";
    return value;
  };
  by("with-key").addEventListener("submit", trying(async () => {
    forget();
    said = { [access.dataset.keyHeader]: taken("key").trim() };
    await who();
  }));
  by("login").addEventListener("submit", trying(async () => {
    forget();
    const body = JSON.stringify({ username: by("user").value, password: taken("password") });
    const answer = await ask("POST", "/api/auth/jwt/login", body);
    const data = answer.envelope.data || {};
    const token = data.token || data.accessToken;
    if (!token) {
      tell("Cannot log in: " + (answer.told || "status " + answer.status), true);
      return;
    }
    said = { Authorization: "Bearer " + token };
    loggedIn = true;
    await who();
  }));
  by("logout").addEventListener("click", trying(async () => {
    try {
      if (loggedIn) { await ask("POST", "/api/auth/jwt/logout"); }
    } finally {
      forget();
    }
    await who();
  }));
  addEventListener("pagehide", forget);

  const made = (tag, properties, parent) =>
    parent.appendChild(Object.assign(document.createElement(tag), properties));
  const equip = (details) => {
    if (details.querySelector(".send")) { return; }
    const { method, path, body } = details.dataset;
    const part = made("div", { className: "send" }, details.querySelector(".more"));
    made("h3", { textContent: "Send it" }, part);
    const where = made("input", { value: path, ariaLabel: "Path and query", spellcheck: false }, part);
    const what = body === undefined ? null
      : made("textarea", { value: body, ariaLabel: "Body", rows: 6, spellcheck: false }, part);
    const button = made("button", { textContent: "Send " + method, type: "button" }, part);
    const shown = made("pre", { hidden: true }, part);
    button.addEventListener("click", async () => {
      shown.hidden = false;
      const missing = where.value.match(/\\{\\w+\\}/);
      if (missing) {
        shown.textContent = "Put something in the place of " + missing[0];
        return;
      }
      button.disabled = true;
      try {
        const answer = await ask(method, where.value, what && what.value.trim() ? what.value : undefined);
        const enveloped = Object.keys(answer.envelope).length > 0;
        const text = enveloped ? JSON.stringify(answer.envelope, null, 2) : answer.text;
        shown.textContent = answer.status + "\\n" + text;
      } catch (error) {
        shown.textContent = "No answer: " + error.message;
      } finally {
        button.disabled = false;
      }
    });
  };
  for (const each of document.querySelectorAll("details")) {
    each.addEventListener("toggle", () => { if (each.open) { equip(each); } });
  }

  const open = () => {
    const wanted = by(decodeURIComponent(location.hash.slice(1)));
    if (wanted instanceof HTMLDetailsElement) { wanted.open = true; wanted.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
  access.hidden = false;
  who().catch((error) => tell("No answer: " + error.message, true));
})();
"""
