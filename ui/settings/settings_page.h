// SPDX-License-Identifier: GPL-3.0-or-later
// All settings in sections, with a search over them.
#pragma once

#include "ui/shell/page.h"

#include <QHash>

class QLabel;
class QLineEdit;
class QListWidget;
class QScrollArea;

namespace fulgurite {

class SettingRow;
class ShortcutList;

class SettingsPage : public Page {
    Q_OBJECT

  public:
    explicit SettingsPage(const ShellContext& context);

    QWidget* headerWidget() override { return header_; }
    void activated() override;
    QList<PictureScene> pictureScenes() override;
    void editShortcut(const QString& action);

  private:
    struct Section {
        QString name;
        QWidget* card = nullptr;
        QLabel* title = nullptr;
        QList<SettingRow*> rows;
    };
    void buildHeader();
    QWidget* buildSections();
    void addSection(const QString& name, QWidget* body, const QList<SettingRow*>& rows, class QVBoxLayout* column);
    void search(const QString& words);
    void restoreDefaults();
    void scrollTo(const QString& section);

    QWidget* header_ = nullptr;
    QLineEdit* search_ = nullptr;
    QListWidget* list_ = nullptr;
    QScrollArea* scroll_ = nullptr;
    QLabel* nothing_ = nullptr;
    QList<Section> sections_;
    ShortcutList* shortcuts_ = nullptr;
};

} // namespace fulgurite
