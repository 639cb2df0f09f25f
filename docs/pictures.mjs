// Takes one picture: node pictures.mjs FILE WIDTH,HEIGHT light|dark ADDRESS. Chromium alone opens no window as narrow
// as a phone; playwright-core, from the folder that .ci/run makes, does.
import { createRequire } from 'node:module';

const need = createRequire(new URL('../.peers/node_modules/', import.meta.url));
const { chromium } = need('playwright-core');
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
const [path, size, colorScheme, address] = process.argv.slice(2);
const [width, height] = size.split(',').map(Number);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [...FLAGS, '--hide-scrollbars'] });
try {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme, isMobile: width < 600 });
  await page.goto(address, { waitUntil: 'load' });
  await page.screenshot({ path });
} finally {
  await browser.close();
}
