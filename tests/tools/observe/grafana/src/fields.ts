/** A panel's field configuration, applied by Grafana's own rules over the defaults of its time series. */
import {
  applyFieldOverrides,
  type DataFrame,
  type FieldConfig,
  FieldColorModeId,
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  FieldType,
  type GrafanaTheme2,
} from '@grafana/data';
import {
  AxisPlacement,
  GraphDrawStyle,
  type GraphFieldConfig,
  GraphGradientMode,
  LineInterpolation,
  ScaleDistribution,
  StackingMode,
  VisibilityMode,
} from '@grafana/schema';

const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'mappings', 'thresholds'];

/** What a time series looks like where its file says nothing. */
const CUSTOM: GraphFieldConfig = {
  drawStyle: GraphDrawStyle.Line,
  lineInterpolation: LineInterpolation.Linear,
  lineStyle: { fill: 'solid' },
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: GraphGradientMode.None,
  showPoints: VisibilityMode.Auto,
  pointSize: 5,
  spanNulls: false,
  stacking: { mode: StackingMode.None, group: 'A' },
  axisPlacement: AxisPlacement.Auto,
  axisLabel: '',
  scaleDistribution: { type: ScaleDistribution.Linear },
  hideFrom: { viz: false, legend: false, tooltip: false },
};

const REGISTRY = new FieldConfigOptionsRegistry(() => [
  ...STANDARD.map((path) => property(path, false)),
  ...Object.keys(CUSTOM).map((path) => property(path, true)),
]);

/** The frames with unit, colour, scale and style in every field. */
export function configured(frames: DataFrame[], source: FieldConfigSource, theme: GrafanaTheme2): DataFrame[] {
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: withDefaults(source.defaults), overrides: source.overrides },
    fieldConfigRegistry: REGISTRY,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

function withDefaults(given: FieldConfig): FieldConfig {
  return {
    color: { mode: FieldColorModeId.PaletteClassic },
    ...given,
    custom: { ...CUSTOM, ...given.custom },
  };
}

function property(path: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    editor: () => null,
    override: () => null,
    process: (value) => value,
    shouldApply: (field) => !isCustom || field.type !== FieldType.time,
  };
}
