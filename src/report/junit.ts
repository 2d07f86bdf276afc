import type { Comparison } from '../lab/bench/against.ts';
import type { Judgement } from '../lab/bench/judge.ts';
import {
  changeOf,
  comparisonNotes,
  comparisonTitle,
  formatFigure,
  intervalOf,
  nameOf,
  probabilityOf,
} from './comparison.ts';
import { escapeXml } from './escape-xml.ts';

/** A test of a JUnit report. */
export interface JunitCase {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped, in a line. */
  readonly message: string;
  /** What it found. */
  readonly text: string;
}

export interface JunitParts {
  readonly name: string;
  /** How long the tests took. */
  readonly seconds: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly JunitCase[];
  readonly output: string;
}

/**
 * Returns a JUnit report, which CI systems show as tests. The elements and attributes are those that Jenkins' xunit
 * plug-in and GitLab read
 * (https://github.com/jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd).
 */
export function junitReport({ name, seconds, properties, cases, output }: JunitParts): string {
  const countOf = (wanted: JunitCase['state']): number =>
    cases.filter(({ state }) => state === wanted).length;
  const counts = {
    tests: cases.length,
    failures: countOf('failed'),
    errors: 0,
    time: seconds.toFixed(3),
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name, ...counts })}>`,
    `  <testsuite${attributes({ name, ...counts, skipped: countOf('skipped') })}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...cases.map((one) => testCase(name, one)),
    `    <system-out>${escapeXml(output)}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(classname: string, { name, state, message, text }: JunitCase): string {
  const inside = {
    passed: `<system-out>${escapeXml(text)}</system-out>`,
    failed: `<failure${attributes({ message, type: 'regression' })}>${escapeXml(text)}</failure>`,
    skipped: `<skipped${attributes({ message })}/>`,
  }[state];
  return `    <testcase${attributes({ classname, name })}>${inside}</testcase>`;
}

/**
 * Returns a comparison of two versions as a JUnit report: a test case for each metric, which fails when it is a
 * regression and is skipped when it could not be compared. `seconds` is how long the comparison took.
 */
export function comparisonJunit(comparison: Comparison, seconds: number): string {
  const { judgements, notCompared, bench } = comparison;
  return junitReport({
    name: `pageferry bench ${bench}`,
    seconds,
    properties: propertiesOf(comparison),
    cases: [...judgements.map(judged), ...notCompared.map(skipped)],
    output: [comparisonTitle(comparison), ...comparisonNotes(comparison)].join('\n'),
  });
}

function propertiesOf({ before, after, options }: Comparison): Record<string, string> {
  return {
    'before.commit': before.commit ?? 'unknown',
    'after.commit': after.commit ?? 'unknown',
    'after.version': after.version,
    ...Object.fromEntries(Object.entries(options).map(([key, value]) => [`--${key}`, value])),
  };
}

function judged(one: Judgement): JunitCase {
  return {
    name: nameOf(one),
    state: one.verdict === 'regression' ? 'failed' : 'passed',
    message: `${nameOf(one)}: ${changeOf(one)}`,
    text: `${formatFigure(one.before)} → ${formatFigure(one.after)} ${one.unit}: ${changeOf(one)}, ${intervalOf(one)}, p ${probabilityOf(one)}`,
  };
}

/** `what` is a line such as "log: get us (missing in 15 runs before, 0 after)". */
function skipped(what: string): JunitCase {
  const at = what.lastIndexOf(' (');
  return { name: what.slice(0, at), state: 'skipped', message: what.slice(at + 2, -1), text: '' };
}

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
