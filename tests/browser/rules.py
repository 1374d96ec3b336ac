"""Rules that any page of ours has to keep, as scripts: names, sizes, contrast. ``root`` is where they look."""

from selenium.webdriver import Chrome

# Name of each control: aria-label, else label, else text. Only what somebody can see and operate.
UNNAMED = """
const shown = [...root.querySelectorAll('button, input, textarea, summary, a[href], [role=dialog], [role=log]')]
  .filter(e => e.checkVisibility());
const name = e => e.getAttribute('aria-label')
  || (e.getAttribute('aria-labelledby') && root.getElementById(e.getAttribute('aria-labelledby')).textContent)
  || (e.labels && [...e.labels].map(l => l.textContent).join(' '))
  || (e.matches('input, textarea, [role]') ? '' : e.textContent);
return shown.filter(e => !(name(e) || '').trim()).map(e => e.outerHTML.slice(0, 120));
"""

SMALL = """
return [...root.querySelectorAll('button, input, textarea, summary')].filter(e => e.checkVisibility())
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([html, box]) => `${html} ${box.width}x${box.height}`);
"""

# Contrast of text against what is really behind it: every ancestor that paints, across the shadow root.
CONTRAST = """
const [where, selectors] = arguments;
const host = document.querySelector('frontdesk-chat')?.shadowRoot;
const from = where === 'widget' ? host : document;
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const pixel = (...colors) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const up = e => e.assignedSlot || e.parentElement || (e.getRootNode().host ?? null);
const backdrop = e => {
  const layers = [];
  for (let at = e; at; at = up(at)) {
    const color = getComputedStyle(at).backgroundColor;
    const alpha = pixel(color)[3];
    if (alpha > 0) layers.unshift(color);
    if (alpha === 255) break;
  }
  return ['Canvas', ...layers];
};
const result = {};
for (const [selector, pseudo] of selectors) {
  const e = [...from.querySelectorAll(selector)].find(e => e.checkVisibility());
  if (!e) { result[selector] = null; continue; }
  const behind = backdrop(e);
  const a = light(pixel(...behind)), b = light(pixel(...behind, getComputedStyle(e, pseudo).color));
  result[selector + (pseudo ?? '')] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}
return result;
"""


def scheme_of(driver: Chrome, scheme: str) -> None:
    """Asks the page for its light or its dark colours."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def screen_of(driver: Chrome, width: int, height: int, *, mobile: bool) -> None:
    """Gives the page a screen of this size."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
