// SPDX-License-Identifier: GPL-3.0-or-later
// Chapters at left, text at right.
#include "ui/manual/manual_page.h"

#include "ui/base/theme_manager.h"

#include <QCoreApplication>
#include <QDesktopServices>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QImage>
#include <QListWidget>
#include <QTextBrowser>
#include <QTextStream>

namespace fulgurite {

// Pictures of the guide are as wide as the window was; here they are fitted to the text.
class ManualView : public QTextBrowser {
  public:
    explicit ManualView(QWidget* parent = nullptr) : QTextBrowser(parent) {
        setAccessibleName(QStringLiteral("Manual"));
        setOpenLinks(false);
        setProperty("kind", "bare");
        document()->setDocumentMargin(28);
    }

  protected:
    QVariant loadResource(int type, const QUrl& name) override {
        const QVariant found = QTextBrowser::loadResource(type, name);
        if (type != QTextDocument::ImageResource)
            return found;
        QImage image = found.value<QImage>();
        if (image.isNull())
            image = QImage(QDir(searchPaths().value(0)).filePath(name.path()));
        const int room = std::max(200, viewport()->width() - 80);
        return image.width() > room ? image.scaledToWidth(room, Qt::SmoothTransformation) : image;
    }
};

namespace {

// "# Title" of the file, else its name.
QString titleOf(const QString& path) {
    QFile file(path);
    if (file.open(QIODevice::ReadOnly)) {
        QTextStream lines(&file);
        while (!lines.atEnd()) {
            const QString line = lines.readLine();
            if (line.startsWith(QStringLiteral("# ")))
                return line.mid(2).trimmed();
        }
    }
    return QFileInfo(path).completeBaseName();
}

} // namespace

QString findManual() {
    const QString program = QCoreApplication::applicationDirPath();
    QStringList places = {program + QStringLiteral("/../share/doc/fulgurite/user")};
    for (QDir folder(program); !folder.isRoot() && folder.cdUp();)
        places << folder.filePath(QStringLiteral("docs/user"));
    for (const QString& place : places) {
        if (!QDir(place).entryList({QStringLiteral("*.md")}, QDir::Files).isEmpty())
            return QDir(place).canonicalPath();
    }
    return {};
}

ManualPage::ManualPage(const ShellContext& shell, const QString& folder)
    : Page(QStringLiteral("manual"), shell), folder_(folder) {
    auto* body = new QWidget;
    auto* row = new QHBoxLayout(body);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    chapters_ = new QListWidget;
    chapters_->setFixedWidth(220);
    chapters_->setAccessibleName(QStringLiteral("Chapters"));
    chapters_->setStyleSheet(
        QStringLiteral("QListWidget { padding: 8px; } QListWidget::item { padding: 6px 8px; }"));
    view_ = new ManualView;
    view_->setSearchPaths({folder_});
    auto* rule = new QFrame;
    rule->setProperty("surface", "rule");
    rule->setFixedWidth(1);
    row->addWidget(chapters_);
    row->addWidget(rule);
    row->addWidget(view_, 1);
    setCentralWidget(body);

    QStringList files = QDir(folder_).entryList({QStringLiteral("*.md")}, QDir::Files, QDir::Name);
    if (files.removeOne(QStringLiteral("README.md")))
        files.prepend(QStringLiteral("README.md"));
    for (const QString& file : files) {
        auto* item = new QListWidgetItem(titleOf(QDir(folder_).filePath(file)), chapters_);
        item->setData(Qt::UserRole, file);
    }
    connect(chapters_, &QListWidget::currentItemChanged, this,
            [this](const QListWidgetItem* item) { item ? open(item->data(Qt::UserRole).toString()) : void(); });
    connect(view_, &QTextBrowser::anchorClicked, this, [this](const QUrl& link) {
        if (!link.scheme().isEmpty())
            QDesktopServices::openUrl(link);
        else if (link.path().isEmpty())
            view_->scrollToAnchor(link.fragment());
        else
            openFor(QFileInfo(link.path()).completeBaseName());
    });
    connect(&shell.themes, &ThemeManager::changed, this, [this] { openFor(QString()); });
    chapters_->setCurrentRow(0);
}

void ManualPage::openFor(const QString& page) {
    for (int row = 0; row < chapters_->count(); ++row) {
        if (QFileInfo(chapters_->item(row)->data(Qt::UserRole).toString()).completeBaseName() == page)
            chapters_->setCurrentRow(row);
    }
    if (const QListWidgetItem* item = chapters_->currentItem())
        open(item->data(Qt::UserRole).toString());
}

void ManualPage::open(const QString& file) {
    QFile source(QDir(folder_).filePath(file));
    if (!source.open(QIODevice::ReadOnly))
        return;
    QString text = QString::fromUtf8(source.readAll());
    if (text.startsWith(QStringLiteral("<!--"))) // the licence line
        text.remove(0, text.indexOf(QStringLiteral("-->")) + 3);
    view_->document()->setDefaultFont(context().themes.uiFont(13.5));
    view_->setMarkdown(text.trimmed());
}

} // namespace fulgurite
