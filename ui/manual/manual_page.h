// SPDX-License-Identifier: GPL-3.0-or-later
// The user guide inside the program: the Markdown files of docs/user, one chapter each.
#pragma once

#include "ui/shell/page.h"

class QListWidget;

namespace fulgurite {

class ManualView;

// Folder of the guide, installed or in the source tree; empty when there is none.
QString findManual();

class ManualPage : public Page {
    Q_OBJECT

  public:
    ManualPage(const ShellContext& context, const QString& folder);

    // The chapter about a page of the window, by the page's id. Of one without a chapter: what is open stays.
    void openFor(const QString& page);
    QList<PictureScene> pictureScenes() override { return {}; } // the guide shows the other pages

  private:
    // A chapter, or any other Markdown file that one points to. Shown from its beginning or at the heading `anchor`.
    void open(const QString& path, const QString& anchor = {});
    void follow(const QUrl& link);
    void markChapter();

    QString folder_;
    QString file_; // that is shown, whole path
    QListWidget* chapters_;
    ManualView* view_;
};

} // namespace fulgurite
