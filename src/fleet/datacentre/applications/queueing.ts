import { ln, power } from '../../../random/elementary.ts';

/**
 * Returns the mean response time of requests at a VM that share its CPUs equally: `serviceNs` is the CPU time of a
 * request, `cpus` what the VM can have and `busyCpus` what it uses. Up to one CPU it is that of M/G/1 with processor
 * sharing, s ÷ c ÷ (1 − ρ), which holds for any distribution of service times (Kleinrock, Queueing Systems II, 4.4).
 * For more it is Sakasegawa's approximation of M/M/c (Annals of the Institute of Statistical Mathematics 29, 1977).
 * The result is finite: at `ρ ≥ 0.999` it is that of 0.999, as there the backlog says how long requests wait.
 */
export function responseNs(serviceNs: number, cpus: number, busyCpus: number): number {
  if (!(cpus > 0)) return serviceNs;
  const use = Math.min(0.999, busyCpus / cpus);
  const servers = Math.max(1, cpus);
  const alone = serviceNs / Math.min(1, cpus);
  const waits =
    power(Math.max(use, 1e-9), Math.sqrt(2 * (servers + 1)) - 1) / (servers * (1 - use));
  return alone * (1 + waits);
}

/**
 * Returns the squared coefficient of variation of response times: of service times whose own is `variation`, at a server
 * that is busy for the share `use` of the time. For exponential service it is (2 + ρ) ÷ (2 − ρ), which is exact for
 * M/M/1 with processor sharing (Coffman, Muntz and Trotter, Journal of the ACM 17, 1970); other distributions are taken
 * to differ by their own variation alone.
 */
export function responseVariation(variation: number, use: number): number {
  return Math.min(4, variation) + (2 * use) / (2 - use);
}

/**
 * Returns a percentile of a sum of response times, one for each tier: a gamma distribution with the sum's mean and
 * variance has the percentile by Wilson and Hilferty's approximation (PNAS 17, 1931). `normal` is the percentile of the standard normal distribution.
 */
export function percentileNs(meanNs: number, varianceNs2: number, normal: number): number {
  if (!(meanNs > 0)) return 0;
  const shape = (meanNs * meanNs) / Math.max(varianceNs2, meanNs * meanNs * 1e-6);
  const ninth = 1 / (9 * shape);
  const root = 1 - ninth + normal * Math.sqrt(ninth);
  return meanNs * Math.max(0, root) * Math.max(0, root) * Math.max(0, root);
}

/** The standard normal distribution is below it for 99 % of all draws. */
export const NORMAL_99 = 2.3263478740408408;

/** Points of the gamma distribution above, each with the share of requests that it stands for. */
export const QUANTILES: readonly (readonly [normal: number, share: number])[] = [
  [-1.2816, 0.2],
  [-0.5244, 0.2],
  [0, 0.2],
  [0.5244, 0.2],
  [1.0364, 0.1],
  [1.4395, 0.05],
  [1.8119, 0.03],
  [2.17, 0.01],
  [2.5758, 0.0075],
  [3.2905, 0.0025],
];

/**
 * Returns how many requests a second a server bears so that they are answered within `responseS` on average: a bound
 * of G/G/1, [s + (σa² + σb²) ÷ (2(d − s))]⁻¹ (Kleinrock, Queueing Systems II, 2.1; Wood et al., NSDI 2007, section 4.2).
 * `serviceS` is the mean service time; the variances are those of inter-arrival and service times, in s². Throws
 * RangeError unless the response may take longer than the service.
 */
export function capacityPerSecond(
  serviceS: number,
  responseS: number,
  arrivalVariance: number,
  serviceVariance: number,
): number {
  if (!(responseS > serviceS)) {
    throw new RangeError(
      `a response takes longer than its service, ${serviceS} s, got ${responseS}`,
    );
  }
  return 1 / (serviceS + (arrivalVariance + serviceVariance) / (2 * (responseS - serviceS)));
}

/** The p99 of a single exponential response time is its mean times this. */
export const EXPONENTIAL_99 = ln(100);
