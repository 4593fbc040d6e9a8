// The tabs of the page (the ARIA pattern: arrow keys move, one tab stop).
import { byId } from "./dom.js";

/** `onSelect` hears of each change. Tabs are buttons with aria-controls. */
export function setUpTabs(onSelect: (panel: string) => void): void {
  const list = byId("tabs", HTMLElement);
  const tabs = [...list.querySelectorAll<HTMLButtonElement>("[role=tab]")];
  const select = (chosen: HTMLButtonElement): void => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")!, HTMLElement).hidden = tab !== chosen;
    }
    onSelect(chosen.getAttribute("aria-controls")!);
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
      if (step === 0) return;
      const next = tabs[(index + step + tabs.length) % tabs.length]!;
      next.focus();
      select(next);
    });
  }
}
