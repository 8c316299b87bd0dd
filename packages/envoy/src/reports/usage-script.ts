// What runs in a proxy to read what an answer of a language model cost. Rule: it looks at bytes as they pass, holds back none, keeps nothing that grows with the body, and believes only counts at the places where APIs have them, never text of the model.

/** Dynamic metadata that access logs carry to the policy service: `input`, `output`, `total`. */
export const usageNamespace = 'xebec.tokens';

/**
 * `usage` of a JSON body or of an event (OpenAI's and Anthropic's), of `response` in an event (OpenAI's Responses), and
 * of `message` in Anthropic's first event, which counts only together with a later one. Compressed bodies cannot be
 * read: models are asked for others.
 */
export const usageScript = `
local find, match, sub = string.find, string.match, string.sub
local wanted = {
  prompt_tokens = true, completion_tokens = true, total_tokens = true, input_tokens = true, output_tokens = true,
  cache_read_input_tokens = true, cache_creation_input_tokens = true,
}

-- The name of the count that begins here, and whether the answer can be over with it.
local function count_at(s)
  if s.depth == 2 and s.keys[1] == 'usage' then return wanted[s.keys[2]] and s.keys[2], true end
  if s.depth ~= 3 or s.keys[2] ~= 'usage' or not wanted[s.keys[3]] then return nil end
  if s.keys[1] == 'response' then return s.keys[3], true end
  if s.keys[1] == 'message' then return s.keys[3], false end
end

local function end_of_value(s)
  local digits = s.number and match(s.number, '^%s*(%d+)%s*$')
  if digits and #digits < 16 then
    s.counts[s.name] = tonumber(digits)
    s.is_told = s.is_told or s.tells
  end
  s.number = nil
end

local function mark(s, c)
  if c == '"' then
    s.is_quoted, s.text, s.number = true, '', nil
    return
  end
  if c == ':' then
    if s.depth < 4 and not s.lists[s.depth] then s.keys[s.depth] = s.word end
    s.name, s.tells = count_at(s)
    s.number = s.name and '' or nil
  elseif c == '{' or c == '[' then
    s.depth, s.number = s.depth + 1, nil
    if s.depth < 4 then s.keys[s.depth], s.lists[s.depth] = nil, c == '[' end
  else
    end_of_value(s)
    if s.depth < 4 then s.keys[s.depth] = nil end
    if c ~= ',' then s.depth = s.depth - 1 end
  end
  s.word = nil
end

-- What is longer than any name or count is none.
local function longer(text, part, from, to)
  if text and #text + to - from < 32 then return text .. sub(part, from, to) end
end

local function read_json(s, part)
  local at, size = 1, #part
  while at <= size do
    local stop
    if s.is_escaped then
      s.is_escaped, stop = false, at
    elseif s.is_quoted then
      stop = find(part, '["\\\\]', at) or size + 1
      s.text = longer(s.text, part, at, stop - 1)
      local c = sub(part, stop, stop)
      if c == '"' then s.is_quoted, s.word = false, s.text elseif c ~= '' then s.is_escaped, s.text = true, nil end
    else
      stop = find(part, '[]["{}:,]', at) or size + 1
      s.number = longer(s.number, part, at, stop - 1)
      if stop <= size then mark(s, sub(part, stop, stop)) end
    end
    at = stop + 1
  end
end

local function begin(s)
  s.depth, s.keys, s.lists = 0, {}, {}
  s.word, s.text, s.number, s.is_quoted, s.is_escaped = nil, nil, nil, false, false
end

-- Lines of an event that begin with "data:" are its JSON; an empty line ends it.
local function read_events(s, part)
  local at, size = 1, #part
  while at <= size do
    local stop = find(part, '\\n', at, true) or size + 1
    local line = sub(part, at, stop - 1)
    if s.is_data == nil then
      local missing = 5 - #s.field
      s.field, line = s.field .. sub(line, 1, missing), sub(line, missing + 1)
      if #s.field == 5 then s.is_data = s.field == 'data:' end
    end
    if s.is_data then read_json(s, line) end
    if stop <= size then
      if s.field == '' or s.field == '\\r' then begin(s) end
      s.field, s.is_data = '', nil
    end
    at = stop + 1
  end
end

local function tell(c, metadata)
  local input = c.prompt_tokens
  if not input and c.input_tokens then
    input = c.input_tokens + (c.cache_read_input_tokens or 0) + (c.cache_creation_input_tokens or 0)
  end
  local output = c.completion_tokens or c.output_tokens
  local total = c.total_tokens or (input or output) and (input or 0) + (output or 0)
  if input then metadata:set('${usageNamespace}', 'input', input) end
  if output then metadata:set('${usageNamespace}', 'output', output) end
  if total then metadata:set('${usageNamespace}', 'total', total) end
end

function envoy_on_request(handle)
  handle:headers():remove('accept-encoding')
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get('content-encoding') then return end
  local kind = headers:get('content-type') or ''
  local read = find(kind, '^application/json') and read_json or find(kind, '^text/event%-stream') and read_events
  if not read then return end
  local s = { counts = {}, field = '' }
  begin(s)
  for chunk in handle:bodyChunks() do
    read(s, chunk:getBytes(0, chunk:length()))
    if s.is_told then tell(s.counts, handle:streamInfo():dynamicMetadata()) end
  end
end
`.trimStart();
