/** Draws `window.kept` as wide as the window, in Grafana's dark theme. */
import { createTheme, ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles } from '@grafana/ui';
import { type ReactNode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Page } from './page';

const WEIGHTS = [400, 500];

async function draw(): Promise<void> {
  await initPluginTranslations('rahnama');
  createRoot(document.getElementById('page')!).render(
    <ThemeContext.Provider value={createTheme()}>
      <GlobalStyles />
      <AfterFonts>
        <Page kept={window.kept} width={window.innerWidth} />
      </AfterFonts>
    </ThemeContext.Provider>,
  );
}

/** The axes are as wide as their text, so the font has to be there before they are measured. */
function AfterFonts({ children }: { children: ReactNode }) {
  const [loaded, setLoaded] = useState(false);
  useEffect(() => {
    const fonts = WEIGHTS.map((weight) => document.fonts.load(`${weight} 12px Inter`));
    void Promise.all(fonts).then(() => setLoaded(true));
  }, []);
  return loaded ? children : null;
}

void draw();
