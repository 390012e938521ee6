/** One panel: Grafana's frame around Grafana's time series. */
import { dateTime, type TimeRange } from '@grafana/data';
import { LegendDisplayMode, type VizLegendOptions } from '@grafana/schema';
import { PanelChrome, TimeSeries, useTheme2 } from '@grafana/ui';
import { configured } from './fields';
import { framesOf } from './frames';
import type { Kept, Panel } from './kept';

const LEGEND: VizLegendOptions = {
  showLegend: true,
  displayMode: LegendDisplayMode.List,
  placement: 'bottom',
  calcs: [],
};

interface Props {
  panel: Panel;
  kept: Kept;
  width: number;
  height: number;
}

export function DrawnPanel({ panel, kept, width, height }: Props) {
  const theme = useTheme2();
  if (panel.type !== 'timeseries') {
    throw new Error(`${panel.title}: panels of type ${panel.type} cannot be drawn`);
  }
  const frames = configured(framesOf(panel, kept), panel.fieldConfig, theme);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(innerWidth, innerHeight) => (
        <TimeSeries
          frames={frames}
          width={innerWidth}
          height={innerHeight}
          timeRange={timeRange(kept)}
          timeZone="utc"
          legend={{ ...LEGEND, ...panel.options.legend }}
        />
      )}
    </PanelChrome>
  );
}

function timeRange(kept: Kept): TimeRange {
  const from = dateTime(kept.from * 1000);
  const to = dateTime(kept.to * 1000);
  return { from, to, raw: { from, to } };
}
