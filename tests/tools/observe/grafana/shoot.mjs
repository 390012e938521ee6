// Takes a picture of each dashboard: node shoot.mjs CHROMIUM ANSWERS_FOLDER PICTURES_FOLDER
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const [, , executablePath, answers, pictures] = process.argv;
const BUILT = join(import.meta.dirname, 'dist');
const PAGE = 'http://page.invalid/';
const VIEWPORT = { width: 1500, height: 900 };
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

/** Nothing listens and nothing is asked of a network: all that the page wants comes from the folder. */
async function answer(route) {
  const path = new URL(route.request().url()).pathname;
  const file = join(BUILT, path === '/' ? 'index.html' : path);
  const contentType = TYPES[extname(file)] ?? 'application/octet-stream';
  await route.fulfill({ body: await readFile(file), contentType });
}

async function take(browser, name) {
  const kept = JSON.parse(await readFile(join(answers, name), 'utf8'));
  const page = await browser.newPage({ viewport: VIEWPORT });
  page.on('pageerror', fail);
  await page.route('**/*', (route) => answer(route).catch(fail));
  await page.addInitScript((given) => { window.kept = given; }, kept);
  await page.goto(PAGE);
  await allDrawn(page, kept.dashboard.panels.length);
  const path = join(pictures, `dashboard-${basename(name, '.json')}.png`);
  await page.locator('main').screenshot({ path });
  await page.close();
  console.log(path);
}

async function allDrawn(page, panels) {
  const drawn = (count) => document.querySelectorAll('canvas').length === count;
  await page.waitForFunction(drawn, panels, { timeout: 60_000 });
  await page.waitForLoadState('networkidle');
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

await mkdir(pictures, { recursive: true });
const browser = await chromium.launch({ executablePath });
for (const name of (await readdir(answers)).filter((file) => extname(file) === '.json')) {
  await take(browser, name);
}
await browser.close();
