// Opens documents in Chromium: {chromium, pages: {name: html}, looks: {name: {width, dark, bare, only}}} in,
// where "bare" is without the style block, and "only" names the rules of axe-core that are asked; out, for each page and
// look, what axe-core objects to, which links are how high, how wide the page came, and what it asked the network.
import { readFileSync } from 'node:fs';
import { answer, asked, need } from './peers.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf-8');

// Runs in the page. A link is in running text when the block that it stands in says more than links do.
function measure() {
  const block = (element) => (getComputedStyle(element).display.startsWith('inline') ? block(element.parentElement) : element);
  const said = (element) => element.textContent.replace(/\s/g, '').length;
  const links = [...document.querySelectorAll('a')].map((link) => {
    const around = block(link.parentElement);
    const linked = [...around.querySelectorAll('a')].reduce((sum, one) => sum + said(one), 0);
    return {
      text: link.textContent,
      height: link.getBoundingClientRect().height,
      running: said(around) > linked,
      title: link.closest('h1, h2, h3') !== null,
    };
  });
  return { links, width: document.documentElement.scrollWidth };
}

async function objections(page, only) {
  await page.evaluate(axe);
  const options = { resultTypes: ['violations', 'incomplete'], ...(only ? { runOnly: only } : {}) };
  const { violations, incomplete } = await page.evaluate((how) => window.axe.run(how), options);
  // What axe cannot decide counts for contrast alone: there it says that nobody may be able to read it.
  return [...violations, ...incomplete.filter(({ id }) => id === 'color-contrast')].flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ rule: id, html: html.slice(0, 200), problem: failureSummary })),
  );
}

const browser = await chromium.launch({ executablePath: asked.chromium, args: FLAGS });
const found = Object.fromEntries(Object.keys(asked.pages).map((name) => [name, {}]));

async function look(name, { width, dark, bare, only }) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    isMobile: width < 600,
    hasTouch: width < 600,
  });
  const page = await context.newPage();
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  for (const [title, html] of Object.entries(asked.pages)) {
    requests.length = 0;
    await page.setContent(bare ? html.replace(/<style>.*?<\/style>/gs, '') : html, { waitUntil: 'load' });
    const measured = await page.evaluate(measure);
    found[title][name] = { ...measured, objections: await objections(page, only), requests: [...requests] };
  }
  await context.close();
}

try {
  await Promise.all(Object.entries(asked.looks).map(([name, how]) => look(name, how)));
} finally {
  await browser.close();
}
answer(found);
