// A dialog: the browser's own, so that focus stays in it, Escape ends it, and focus returns to where it was.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../i18n";

export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} aria-labelledby={id} onClose={close} onClick={(event) => event.target === box.current && box.current?.close()}>
      <div class="dialog">
        <h2 id={id}>{title}</h2>
        <button type="button" class="close" aria-label={t("close")} onClick={() => box.current?.close()}>
          ×
        </button>
        {children}
      </div>
    </dialog>
  );
}

/** Text to copy, with a button that says when it has done so. */
export function Copyable({ text, code = false }: { text: string; code?: boolean }) {
  return (
    <div class={code ? "copyable code" : "copyable"}>
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} name={t("copy")} />
    </div>
  );
}

/** Browsers hand out the clipboard only to pages that came by HTTPS or from this machine; all others copy what is selected. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    const focused = document.activeElement as HTMLElement | null;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    if (!done) throw new Error("nothing was copied");
  }
}

export function CopyButton({ text, name }: { text: string; name: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done ? setTimeout(() => setDone(false), 2000) : 0;
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button type="button" onClick={() => copy(text).then(() => setDone(true), () => undefined)}>
      <span aria-live="polite">{done ? t("copied") : name}</span>
    </button>
  );
}
