// Bundles the page into dist, with icons and fonts where Grafana's components look for them.
import { cp, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const FONTS = { 'Inter-Regular': 'inter-latin-400-normal', 'Inter-Medium': 'inter-latin-500-normal' };
const ui = JSON.parse(await readFile('node_modules/@grafana/ui/package.json', 'utf8'));

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/main.tsx'],
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  splitting: true, // an editor that some component would load later stays a file that nothing asks for
  minify: true,
  logLevel: 'warning',
  loader: { '.svg': 'file', '.png': 'file', '.ttf': 'file' },
  define: {
    'process.env.NODE_ENV': '"production"',
    GRAFANA_UI_VERSION: JSON.stringify(ui.version),
  },
});
await cp('src/index.html', 'dist/index.html');
await cp('node_modules/@grafana/ui/dist/public/img', 'dist/public/build/img', { recursive: true });
for (const [asked, file] of Object.entries(FONTS)) {
  await cp(`node_modules/@fontsource/inter/files/${file}.woff2`, `dist/public/fonts/inter/${asked}.woff2`);
}
