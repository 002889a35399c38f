"""The page's templates (jinja2). Everything is escaped unless a template says otherwise, and none does."""

from __future__ import annotations

from jinja2 import DictLoader, Environment, StrictUndefined

_BASE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
{% block head %}{% endblock %}
<title>{% block title %}{% endblock %} - Bluejacket cloud</title>
<link rel="stylesheet" href="/page/style.css">
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><div class="bar"><span class="name">Bluejacket cloud</span>
{% if session %}<nav aria-label="Main"><ul>
{% for path, name in (("/", "Machines"), ("/page/images", "Images"), ("/page/new", "New machine")) %}
<li><a href="{{ path }}"{% if path == here %} aria-current="page"{% endif %}>{{ name }}</a></li>
{% endfor %}</ul></nav>{% endif %}
</div></header>
<main id="main">
<h1>{{ self.title() }}</h1>
{% block content %}{% endblock %}
</main>
<footer>{{ base }}</footer>
{% if session %}<script src="/page/script.js" defer></script>{% endif %}
</body>
</html>
"""

_MACHINES = """\
{% extends "base" %}
{% block title %}Machines{% endblock %}
{% block content %}
<p class="acts"><a class="button main" href="/page/new">New machine</a></p>
<div data-state="/page/state" data-seen="{{ seen }}"></div>
{% for group in groups %}
<section aria-labelledby="g{{ loop.index }}">
<h2 id="g{{ loop.index }}">{{ group.name }}</h2>
<p class="soft">{{ group.location }},
{{ group.resources }} resource{{ "" if group.resources == 1 else "s" }}</p>
{% if group.machines %}
<table role="table"><caption>Virtual machines of {{ group.name }}</caption>
<thead role="rowgroup"><tr role="row">
{% for name in ("Name", "State", "Size", "Address") %}
<th role="columnheader" scope="col">{{ name }}</th>{% endfor %}
</tr></thead>
<tbody role="rowgroup">{% for vm in group.machines %}<tr role="row">
<th role="rowheader" scope="row"><a href="{{ vm.path }}">{{ vm.name }}</a></th>
<td role="cell" data-label="State"><span class="state {{ vm.power }}">{{ vm.power }}</span></td>
<td role="cell" data-label="Size">{{ vm.size }}</td>
<td role="cell" data-label="Address">{{ vm.address or "none" }}</td>
</tr>{% endfor %}</tbody></table>
{% else %}<p>No machines.</p>{% endif %}
</section>
{% else %}<p>There is no resource group yet. <a href="/page/new">Make a machine</a>, or
<code>az group create</code>.</p>{% endfor %}
{% endblock %}
"""

_MACHINE = """\
{% extends "base" %}
{% block title %}{{ vm.name }}{% endblock %}
{% block content %}
{% if told %}<p class="told" role="alert">{{ told }}</p>{% endif %}
<p role="status"><span class="state {{ vm.power }}" data-state="{{ vm.path }}/state"
data-seen="{{ seen }}">{{ vm.power }}</span></p>
<dl>
<dt>Group</dt><dd>{{ vm.group }}</dd>
<dt>Provisioning</dt><dd>{{ vm.state }}</dd>
<dt>Size</dt><dd>{{ vm.size }}</dd>
<dt>Image</dt><dd>{{ vm.image }}</dd>
<dt>Address</dt><dd>{{ vm.address or "none" }}</dd>
{% if vm.address and vm.user %}
<dt>Log in</dt><dd><code>ssh {{ vm.user }}@{{ vm.address }}</code></dd>{% endif %}
</dl>
<div class="acts">{% for action, name, able, ask in vm.actions %}
<form method="post" action="{{ vm.path }}/{{ action }}"{% if ask %} data-ask="{{ ask }}"{% endif %}>
<input type="hidden" name="word" value="{{ session.word }}">
<button{% if not able %} disabled{% endif %}>{{ name }}</button></form>{% endfor %}</div>
<h2 id="console">Console</h2>
<p class="soft">The serial console from the last start on, as it is written.</p>
<pre role="log" aria-labelledby="console" tabindex="0" data-log="{{ vm.path }}/log"
data-from="{{ next }}">{{ text }}</pre>
{% endblock %}
"""

_IMAGES = """\
{% extends "base" %}
{% block title %}Images{% endblock %}
{% block content %}
{% for title, rows in (("Marketplace", market), ("Galleries", galleries)) %}
<h2>{{ title }}</h2>
{% if rows %}
<table role="table"><caption>{{ title }}: the newest version of each image</caption>
<thead role="rowgroup"><tr role="row">
{% for name in ("Image", "Version", "Use it") %}
<th role="columnheader" scope="col">{{ name }}</th>{% endfor %}
</tr></thead>
<tbody role="rowgroup">{% for image in rows %}<tr role="row">
<th role="rowheader" scope="row">{{ image.name }}</th>
<td role="cell" data-label="Version">{{ image.version }}</td>
<td role="cell"><a href="/page/new?image={{ image.id|urlencode }}">New machine
<span class="soft">of {{ image.name }}</span></a></td>
</tr>{% endfor %}</tbody></table>
{% else %}<p>None.</p>{% endif %}
{% endfor %}
{% endblock %}
"""

_NEW = """\
{% extends "base" %}
{% block title %}New machine{% endblock %}
{% block content %}
{% if told %}<p class="told" role="alert">{{ told }}</p>{% endif %}
{% if not images %}
<p>There is no image yet: <code>bluejacket image publish vm</code> publishes one.</p>
{% else %}
<form class="fill" method="post" action="/page/new">
<input type="hidden" name="word" value="{{ session.word }}">
<label>Name<input name="name" required maxlength="64" autocomplete="off" spellcheck="false"
pattern="[A-Za-z0-9]([A-Za-z0-9\\-]*[A-Za-z0-9])?" aria-describedby="name-hint"
value="{{ form.name }}"></label>
<p class="hint" id="name-hint">Letters, digits and hyphens; it is the machine's host name, too.</p>
<label>Resource group<input name="group" required maxlength="90" list="groups" autocomplete="off"
aria-describedby="group-hint" value="{{ form.group }}"></label>
<datalist id="groups">{% for one in groups %}<option value="{{ one }}">{% endfor %}</datalist>
<p class="hint" id="group-hint">It is made if there is none of this name.</p>
<label>Region<select name="location">{% for key, name in locations %}
<option value="{{ key }}"{% if key == form.location %} selected{% endif %}>{{ name }}</option>{% endfor %}
</select></label>
<label>Image<select name="image">{% for one in images %}
<option value="{{ one.id }}"{% if one.id == form.image %} selected{% endif %}>
{{ one.name }} {{ one.version }}</option>
{% endfor %}</select></label>
<label>Size<select name="size">{% for key, name in sizes %}
<option value="{{ key }}"{% if key == form.size %} selected{% endif %}>{{ name }}</option>{% endfor %}
</select></label>
<label>User<input name="user" required maxlength="32" autocomplete="off" spellcheck="false"
pattern="[a-z_][a-z0-9_\\-]*" value="{{ form.user }}"></label>
<label>SSH public key<textarea name="key" required spellcheck="false"
aria-describedby="key-hint">{{ form.key }}</textarea></label>
<p class="hint" id="key-hint">One line, as in <code>~/.ssh/id_rsa.pub</code>.
The machine takes no password.</p>
<p class="acts"><button class="main">Create</button></p>
</form>{% endif %}
{% endblock %}
"""

_MAKING = """\
{% extends "base" %}
{% block title %}Making {{ vm }}{% endblock %}
{% block content %}
<p role="status"><span class="state {{ state|lower }}" data-state="{{ path }}/state"
data-seen="{{ seen }}">{{ state }}</span></p>
{% if told %}<p class="told" role="alert">{{ told }}</p>{% endif %}
<p>In the group {{ group }}.</p>
<p class="acts">{% if machine %}<a class="button main" href="{{ machine }}">To the machine</a>{% endif %}
{% if told %}<a class="button" href="/page/new">Try again</a>{% endif %}</p>
{% endblock %}
"""

_SIGN_IN = """\
{% extends "base" %}
{% block title %}{{ title }}{% endblock %}
{% block content %}
<p>{{ told }}</p>
<p><code>bluejacket cloud page</code> prints a link that signs you in. It works once, and for
a quarter of an hour.</p>
{% endblock %}
"""

_ENTERED = """\
{% extends "base" %}
{% block head %}<meta http-equiv="refresh" content="0; url=/">{% endblock %}
{% block title %}Welcome{% endblock %}
{% block content %}<p class="acts"><a class="button main" href="/">To your machines</a></p>{% endblock %}
"""

_WRONG = """\
{% extends "base" %}
{% block title %}{{ title }}{% endblock %}
{% block content %}<p class="told" role="alert">{{ told }}</p>
<p><a href="/">To all machines</a></p>{% endblock %}
"""

PAGES = Environment(
    loader=DictLoader(
        {
            "base": _BASE,
            "machines": _MACHINES,
            "machine": _MACHINE,
            "images": _IMAGES,
            "new": _NEW,
            "making": _MAKING,
            "sign-in": _SIGN_IN,
            "entered": _ENTERED,
            "wrong": _WRONG,
        }
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
