/** A dashboard in the layout of its file: 24 columns, and rows of 30 pixels. */
import { dateTimeFormat } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import type { Kept, Panel } from './kept';
import { DrawnPanel } from './panel';

const COLUMNS = 24;
const ROW_HEIGHT = 30;
const GAP = 8;
const MARGIN = 16;

export function Page({ kept, width }: { kept: Kept; width: number }) {
  const theme = useTheme2();
  const inner = width - 2 * MARGIN;
  return (
    <main style={{ width, padding: MARGIN, background: theme.colors.background.canvas }}>
      <Title kept={kept} />
      <Grid kept={kept} width={inner} />
    </main>
  );
}

function Title({ kept }: { kept: Kept }) {
  const theme = useTheme2();
  return (
    <header style={{ display: 'flex', alignItems: 'baseline', gap: MARGIN, marginBottom: MARGIN }}>
      <h1 style={{ ...theme.typography.h3, margin: 0, flexGrow: 1 }}>{kept.dashboard.title}</h1>
      <span>
        {time(kept.from)} to {time(kept.to)} UTC
      </span>
      <span style={{ color: theme.colors.text.secondary }}>
        panels: @grafana/ui {GRAFANA_UI_VERSION}, data: Prometheus
      </span>
    </header>
  );
}

function Grid({ kept, width }: { kept: Kept; width: number }) {
  const { panels } = kept.dashboard;
  const rows = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <div style={{ position: 'relative', width, height: extent(rows, ROW_HEIGHT) }}>
      {panels.map((panel) => {
        const place = placeOf(panel, width);
        return (
          <section key={panel.id} style={{ position: 'absolute', ...place }}>
            <DrawnPanel panel={panel} kept={kept} width={place.width} height={place.height} />
          </section>
        );
      })}
    </div>
  );
}

/** In pixels. */
function placeOf({ gridPos }: Panel, width: number) {
  const column = (width - (COLUMNS - 1) * GAP) / COLUMNS;
  return {
    left: gridPos.x * (column + GAP),
    top: gridPos.y * (ROW_HEIGHT + GAP),
    width: extent(gridPos.w, column),
    height: extent(gridPos.h, ROW_HEIGHT),
  };
}

/** So many cells with the gaps between them. */
function extent(cells: number, size: number): number {
  return cells * size + (cells - 1) * GAP;
}

function time(seconds: number): string {
  return dateTimeFormat(seconds * 1000, { timeZone: 'utc' });
}
