// SPDX-License-Identifier: GPL-3.0-or-later
// The list of settings and their storage.
#include "ui/base/settings.h"

namespace fulgurite {
namespace {

QList<SettingSpec> makeSpecs() {
    using Kind = SettingSpec::Kind;
    using Effect = SettingSpec::Effect;
    const QString look = QStringLiteral("Appearance");
    const QString engine = QStringLiteral("Engine");
    const QString data = QStringLiteral("Data");
    QList<SettingSpec> specs;
    specs << SettingSpec{.key = keys::kTheme,
                         .section = look,
                         .label = "Theme",
                         .help = "System follows the desktop's choice of dark or light, also when it changes.",
                         .kind = Kind::Choice,
                         .fallback = "system",
                         .choices = {"system", "System", "dark", "Dark", "light", "Light"}};
    specs << SettingSpec{.key = keys::kFontScale,
                         .section = look,
                         .label = "Text size",
                         .help = "100 % is 13 pixels for body text. Ctrl++ and Ctrl+- change it anywhere.",
                         .kind = Kind::Number,
                         .fallback = 100,
                         .least = 80,
                         .most = 200,
                         .unit = " %"};
    specs << SettingSpec{.key = keys::kUiFont,
                         .section = look,
                         .label = "Text font",
                         .help = "Automatic takes Inter where it is installed, else the system's font.",
                         .kind = Kind::Font,
                         .fallback = ""};
    specs << SettingSpec{.key = keys::kCodeFont,
                         .section = look,
                         .label = "Code font",
                         .help =
                             "Automatic takes JetBrains Mono where it is installed, else the system's fixed font. "
                             "Ligatures stay off, because they would hide token boundaries.",
                         .kind = Kind::Font,
                         .fallback = ""};
    specs << SettingSpec{.key = keys::kMenuBar,
                         .section = look,
                         .label = "Always show the menu bar",
                         .help = "Otherwise F10 opens it.",
                         .kind = Kind::Switch,
                         .fallback = false};
    specs << SettingSpec{.key = keys::kModelFolder,
                         .section = engine,
                         .label = "Model folder",
                         .help = "A checkpoint in Hugging Face form. Empty: the included model.",
                         .kind = Kind::Folder,
                         .fallback = "",
                         .effect = Effect::EngineRestart};
    specs << SettingSpec{.key = keys::kThreads,
                         .section = engine,
                         .label = "Threads",
                         .help = "0 takes as many as the machine has cores.",
                         .kind = Kind::Number,
                         .fallback = 0,
                         .least = 0,
                         .most = 1024,
                         .effect = Effect::EngineRestart};
    specs << SettingSpec{
        .key = keys::kMemoryMib,
        .section = engine,
        .label = "Memory for conversations",
        .help = "Keys, values and snapshots that the engine may keep. 0 lets the engine decide by what "
                "the machine has.",
        .kind = Kind::Number,
        .fallback = 0,
        .least = 0,
        .most = 1 << 22,
        .unit = " MiB",
        .effect = Effect::EngineRestart};
    specs << SettingSpec{.key = keys::kStartEngine,
                         .section = engine,
                         .label = "Start the engine with the window",
                         .help = "Otherwise it starts when you ask for it.",
                         .kind = Kind::Switch,
                         .fallback = true,
                         .effect = Effect::NextStart};
    specs << SettingSpec{.key = keys::kDataFolder,
                         .section = data,
                         .label = "Data folder",
                         .help =
                             "Conversations and what belongs to them. Empty: the standard place. Nothing is moved; "
                             "the other folder's conversations stay where they are.",
                         .kind = Kind::Folder,
                         .fallback = "",
                         .effect = Effect::NextStart};
    return specs;
}

const QString kShortcutGroup = QStringLiteral("shortcuts");

} // namespace

Settings::Settings(const QString& file, QObject* parent) : QObject(parent), store_(file, QSettings::IniFormat) {}

const QList<SettingSpec>& Settings::specs() {
    static const QList<SettingSpec> specs = makeSpecs();
    return specs;
}

const SettingSpec* Settings::find(const QString& key) {
    for (const SettingSpec& spec : specs()) {
        if (spec.key == key)
            return &spec;
    }
    return nullptr;
}

QVariant Settings::value(const QString& key) const {
    const SettingSpec* spec = find(key);
    Q_ASSERT(spec);
    QVariant stored = store_.value(key, spec->fallback);
    if (!stored.convert(spec->fallback.metaType()))
        return spec->fallback;
    if (spec->kind == SettingSpec::Kind::Number && (stored.toInt() < spec->least || stored.toInt() > spec->most))
        return spec->fallback;
    if (spec->kind == SettingSpec::Kind::Choice && spec->choices.indexOf(stored.toString()) % 2 != 0)
        return spec->fallback;
    return stored;
}

void Settings::set(const QString& key, const QVariant& wanted) {
    if (value(key) == wanted)
        return;
    if (find(key)->fallback == wanted)
        store_.remove(key);
    else
        store_.setValue(key, wanted);
    emit changed(key);
}

void Settings::reset(const QString& key) {
    set(key, find(key)->fallback);
}

bool Settings::isDefault(const QString& key) const {
    return value(key) == find(key)->fallback;
}

QHash<QString, QString> Settings::shortcuts() const {
    QHash<QString, QString> result;
    const QString prefix = kShortcutGroup + QLatin1Char('/');
    for (const QString& key : store_.allKeys()) {
        if (key.startsWith(prefix))
            result.insert(key.mid(prefix.size()), store_.value(key).toString());
    }
    return result;
}

void Settings::setShortcut(const QString& action, const QString& keys) {
    store_.setValue(kShortcutGroup + QLatin1Char('/') + action, keys);
}

void Settings::resetShortcut(const QString& action) {
    store_.remove(kShortcutGroup + QLatin1Char('/') + action);
}

} // namespace fulgurite
