// SPDX-License-Identifier: GPL-3.0-or-later
// What the person may choose, each with its default, description and section; kept in one INI file.
#pragma once

#include <QList>
#include <QObject>
#include <QSettings>
#include <QString>
#include <QVariant>

namespace fulgurite {

namespace keys {
inline const QString kTheme = QStringLiteral("appearance/theme");          // system, dark, light
inline const QString kUiFont = QStringLiteral("appearance/ui_font");       // empty: chosen by the program
inline const QString kCodeFont = QStringLiteral("appearance/code_font");   // same
inline const QString kFontScale = QStringLiteral("appearance/font_scale"); // per cent, 80 to 200
inline const QString kMenuBar = QStringLiteral("appearance/menu_bar");     // always shown
inline const QString kModelFolder = QStringLiteral("engine/model_folder"); // empty: the included model
inline const QString kThreads = QStringLiteral("engine/threads");          // 0: as many as there are cores
inline const QString kMemoryMib = QStringLiteral("engine/memory_mib");     // for states; 0: the engine decides
inline const QString kStartEngine = QStringLiteral("engine/start");        // with the window
inline const QString kDataFolder = QStringLiteral("data/folder");          // empty: the XDG one
} // namespace keys

struct SettingSpec {
    enum class Kind { Choice, Switch, Number, Text, Font, Folder };
    enum class Effect { AtOnce, EngineRestart, NextStart };

    QString key = {};
    QString section = {}; // "Appearance"
    QString label = {};
    QString help = {};
    Kind kind = Kind::Text;
    QVariant fallback = {};
    QStringList choices = {}; // Choice: value, label, value, label...
    int least = 0;       // Number
    int most = 0;
    QString unit = {};
    Effect effect = Effect::AtOnce;
};

class Settings : public QObject {
    Q_OBJECT

  public:
    explicit Settings(const QString& file, QObject* parent = nullptr);

    static const QList<SettingSpec>& specs();
    static const SettingSpec* find(const QString& key);

    // The stored value, or the default of its spec. A stored number outside its limits reads as the default.
    QVariant value(const QString& key) const;
    void set(const QString& key, const QVariant& value);
    void reset(const QString& key);
    bool isDefault(const QString& key) const;

    // Shortcuts changed by the person: action id to portable text; an empty text means "none".
    QHash<QString, QString> shortcuts() const;
    void setShortcut(const QString& action, const QString& keys);
    void resetShortcut(const QString& action);

    QString fileName() const { return store_.fileName(); }
    // False: the file cannot be written; changes last until the program ends.
    bool writable() const { return store_.isWritable() && store_.status() == QSettings::NoError; }

  signals:
    void changed(const QString& key);

  private:
    QSettings store_;
};

} // namespace fulgurite
