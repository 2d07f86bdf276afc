/**
 * This module describes the keys of a scenario for the JSON schema, which editors show. Keys that a registry has, such
 * as those of migrations and patterns, are described there.
 */

/** Descriptions by key, such as `guest.contents[].kind`; a key of several alternatives is described once. */
export type Descriptions = Readonly<Record<string, string>>;

const BOUNDS: Descriptions = {
  '.start': 'the first byte, on a page boundary.',
  '.size': 'how many bytes from there on, whole pages.',
};

const REGION: Descriptions = { '': 'the memory that is meant; absent: all of it.', ...BOUNDS };

const OWN_KIND: Descriptions = {
  '.module': "the file of the module, relative to the scenario's file, or the name of a package.",
  '.export': 'the name of the function that the module exports, which makes the kind.',
  '.options': 'what the function gets besides the facts of the run.',
};

/** Returns descriptions whose keys begin with `prefix`. */
export function below(prefix: string, descriptions: Descriptions): Descriptions {
  return Object.fromEntries(
    Object.entries(descriptions).map(([key, text]) => [`${prefix}${key}`, text]),
  );
}

export const COST_DESCRIPTIONS: Descriptions = {
  '': 'how long the work of a real machine takes, for the virtual runtime; what is left out is that of the profile.',
  '.profile':
    'where the costs come from: kvm from the literature, qemu-tcg fitted to measured runs, none is no cost.',
  '.access': 'how long a page access takes.',
  '.firstWrite': 'how much longer the first write to a page takes since its mark was harvested.',
  '.harvestPerGiB': 'how long a harvest of the dirty log takes for each GiB of guest memory.',
  '.encode': 'how long it takes to read a page of 4 KiB and put it into a frame.',
  '.zeroPage':
    'how much longer a zero page takes, for the scan at the source and the check at the destination.',
  '.hash':
    'how long both sums of a page of 4 KiB take, at either end; only with the encoding reference.',
  '.xbzrle':
    'how long it takes to compare a page of 4 KiB with what was sent of it last, and to make it of what differs; only with the encoding xbzrle.',
  '.compress':
    'how long it takes to compress a page of 4 KiB, whether or not that was worth it; absent: what was measured of the method and level.',
  '.decompress':
    'how long it takes to decompress a page of 4 KiB; absent: what was measured of the method.',
  '.words':
    'how long it takes to code the words of a page of 4 KiB, and to make it of them; only with the encoding mecom.',
  '.handPage':
    'how long it takes the main thread to hand a page of 4 KiB to a channel; only with migration.channels.',
  '.scan':
    'how long it takes the main thread to see whether a page of 4 KiB is zero; only with zeroPageDetection legacy.',
  '.channelCpus':
    'how many channels work at once at most on either host; absent: each has a CPU of its own. Only with migration.channels.',
  '.install': 'how long it takes to take a page of 4 KiB out of a frame and write it to memory.',
  '.rawSend': 'how fast the sender sends raw pages at most, whatever the link carries.',
  '.firstSend': 'how fast the sender sends a page for the first time at most; absent: as rawSend.',
  '.senderCpuPerMB': 'the CPU time that sending a MB takes from the CPU that the vCPUs run on.',
  '.kick': 'how long after the request to stop all vCPUs stand still.',
  '.state':
    'how long it takes to save the state of vCPUs and devices, and as long again to load it.',
  '.stateSize': 'how many bytes of state a real machine sends in addition.',
  '.setup': 'how long the set-up takes before the first page is sent.',
  '.start': 'how long it takes to start the vCPUs at the destination.',
  '.wake': 'how long after the arrival of its page a vCPU goes on that waited for it.',
  '.minorFault': 'how long a demand fault takes whose page has arrived already.',
  '.faultHandler': 'how much longer a demand fault takes in the handler that asks for its page.',
  '.ringFull': 'how long a vCPU leaves the guest when its dirty ring is full.',
  '.balloonPage': 'how long it takes to give a page to the balloon, or to take it back.',
  '.pressure': 'how long a callback of memory pressure takes, apart from its pages.',
  '.pseudoPage': 'how long pseudo-paging takes to take a page from its process.',
  '.hintBlock': 'how long the guest takes to send a free block as a hint.',
  '.hintClear': 'how long the host takes, beside the sender, to drop the pages of a hinted block.',
  '.harvestWaitsForVcpus':
    'whether a harvest waits until every vCPU has answered, throttled ones among them.',
  '.windowLag':
    'policy qemu: how late a sender wakes that has slept to the end of its rate window.',
  '.windowLagPerMB': 'and how much later for each MB that the window holds.',
};

export const GUEST_DESCRIPTIONS: Descriptions = {
  '': 'the virtual machine that migrates.',
  '.memory': 'the size of its memory, whole pages.',
  '.pageSize': 'the size of its pages: 4KiB, 16KiB, 64KiB, 2MiB or 1GiB.',
  '.vcpus': 'the number of its virtual CPUs.',
  '.memslots': 'the least number of memslots; a guest that does not fit into so many gets more.',
  '.dirtyLog': 'how writes are logged.',
  '.dirtyRingSize': "with dirtyLog ring: the entries of each vCPU's ring, a power of two.",
  '.clearChunk':
    'marks are cleared by hand, in chunks of this size; absent: a harvest clears them.',
  '.backing':
    'what a page is: its bytes, or only a count of its writes (virtual runtime), for guests of terabytes.',
  '.contents':
    'the initial contents of memory; later entries win, and what no entry covers is zero.',
  '.contents[].kind': 'the kind of the contents.',
  ...below('.contents[].region', REGION),
  '.contents[].zeroShare': 'the share of these pages that are zero.',
  '.contents[].seed':
    "a seed of their own; guests of a host with the same one have equal pages. Absent: the guest's.",
  '.contents[].duplicateShare': 'the share of the non-zero pages that have an equal elsewhere.',
  '.contents[].compressedShare': 'the share of a page that zlib level 1 leaves, on average.',
  '.contents[].path': "a memory image: raw, sparse, .gz or .br; relative to the scenario's file.",
  '.contents[].offset': 'the byte of the image with which the region begins.',
  '.workloads': 'what the guest does; absent: nothing.',
  '.workloads[].pattern': 'the order in which the workload accesses pages.',
  ...below('.workloads[].region', REGION),
  '.workloads[].vcpu': 'the vCPU that does the work; absent: all of them share it.',
  '.workloads[].wordsPerPage': 'how many 8-byte words an access touches.',
  '.workloads[].from': 'when the workload begins, in guest time.',
  '.workloads[].until': 'when it ends, in guest time; absent: it goes on to the end.',
  '.workloads[].frees':
    'with a memoryManager: how often the workload gives its pages back; absent: never.',
  ...below('.workloads[].trace.file', OWN_KIND),
  '.memoryManager':
    'which memory is in use, and what the guest does with memory that is free; absent: all is in use.',
  '.memoryManager.kernel': 'so much memory from page 0 on is never free and can not be paged.',
  '.memoryManager.used': 'the regions that are in use throughout.',
  ...below('.memoryManager.used[]', BOUNDS),
  '.memoryManager.cache': 'the regions that hold clean page cache, in use until memory is short.',
  ...below('.memoryManager.cache[]', BOUNDS),
  '.memoryManager.deflatePages': 'how many pages a callback of memory pressure asks for.',
  '.memoryManager.cacheReclaimShare': 'the share of these pages that is taken from page cache.',
  '.memoryManager.selfBallooning': 'how the guest balloons itself; absent: it does not.',
  '.memoryManager.selfBallooning.interval': 'how often the balloon inflates.',
  '.memoryManager.selfBallooning.share': 'the share of the free pages that an inflation takes.',
  '.memoryManager.selfBallooning.holdOff':
    'in how many intervals after memory pressure it does not inflate.',
  '.memoryManager.release':
    'what the guest gives back before a migration: nothing, free pages, page cache as well.',
  '.devices': 'the devices whose state migrates with the guest; absent: none.',
  '.devices[].kind': 'what the device is, which says what its other keys are when they are absent.',
  '.lruScan': 'how often the guest notes which pages were referenced; absent: never.',
};

export const MIGRATION_DESCRIPTIONS: Descriptions = {
  '': 'how the guest migrates.',
  ...below('.policy', OWN_KIND),
  ...below('.pageOrder', OWN_KIND),
};

export const LINK_DESCRIPTIONS: Descriptions = {
  '': 'what joins source and destination.',
  '.bandwidth': 'how fast it is, or unlimited.',
  '.latency': 'how long a message takes one way.',
  '.integrity': 'full: a sum protects every raw page; header: only headers are protected.',
  '.sendBuffer': 'so many bytes of pages wait in the buffer of each channel before they leave.',
  '.outages': 'when the connection is lost; absent: never.',
  '.outages[].after': "how long after the migration's start it is lost.",
  '.outages[].for': 'how long it stays lost; absent: for good.',
};

export const SCENARIO_DESCRIPTIONS: Descriptions = {
  name: 'what the run is called in results.',
  seed: 'the seed of all that is drawn at random.',
  runtime: 'threads: real time, worker threads; virtual: a deterministic clock.',
  ...below('guest', GUEST_DESCRIPTIONS),
  ...below('link', LINK_DESCRIPTIONS),
  ...below('migration', MIGRATION_DESCRIPTIONS),
  ...below('costs', COST_DESCRIPTIONS),
  verify: 'the proof: replay of all writes, full from the initial contents, or off.',
};

/** The parts of a JSON schema in which keys are. */
export interface JsonSchema {
  description?: string;
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** Calls `visit` with every key of a schema, such as `guest.contents[].kind`, and with the schema of its value. */
export function eachKey(
  schema: JsonSchema,
  visit: (key: string, value: JsonSchema) => void,
  at = '',
): void {
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = at === '' ? name : `${at}.${name}`;
    visit(key, value);
    eachKey(value, visit, key);
  }
  for (const one of [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => list ?? [])) {
    eachKey(one, visit, at);
  }
  if (schema.items) eachKey(schema.items, visit, `${at}[]`);
}

/** Describes those keys of a schema that are not described yet, and returns it. */
export function describeKeys<Schema extends JsonSchema>(
  schema: Schema,
  descriptions: Descriptions,
): Schema {
  eachKey(schema, (key, value) => {
    const text = descriptions[key];
    if (text !== undefined) value.description ??= text;
  });
  return schema;
}
