// SPDX-License-Identifier: GPL-3.0-or-later
// Chapters at left, text at right.
#include "ui/manual/manual_page.h"

#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"

#include <QCoreApplication>
#include <QDesktopServices>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHash>
#include <QImage>
#include <QListWidget>
#include <QRegularExpression>
#include <QSignalBlocker>
#include <QTextBlock>
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

    // The heading that a link names the way the forges do: lower case, hyphens for spaces, no punctuation.
    void showHeading(const QString& anchor) {
        static const QRegularExpression left_out(QStringLiteral("[^\\w\\- ]"),
                                                 QRegularExpression::UseUnicodePropertiesOption);
        for (QTextBlock block = document()->begin(); block.isValid(); block = block.next()) {
            QString name = block.text().toLower().remove(left_out).replace(QLatin1Char(' '), QLatin1Char('-'));
            if (block.blockFormat().headingLevel() == 0 || name != anchor)
                continue;
            moveCursor(QTextCursor::End); // so that the heading comes to the top
            setTextCursor(QTextCursor(block));
            ensureCursorVisible();
            return;
        }
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
    connect(chapters_, &QListWidget::currentItemChanged, this, [this](const QListWidgetItem* item) {
        if (item)
            open(QDir(folder_).filePath(item->data(Qt::UserRole).toString()));
    });
    connect(view_, &QTextBrowser::anchorClicked, this, &ManualPage::follow);
    connect(&shell.themes, &ThemeManager::changed, this, [this] { open(file_); });
    chapters_->setCurrentRow(0);
}

void ManualPage::openFor(const QString& page) {
    static const QHash<QString, QString> chapter_of{{QStringLiteral("start"), QStringLiteral("README.md")},
                                                    {QStringLiteral("prompt"), QStringLiteral("prompting.md")},
                                                    {QStringLiteral("inspect"), QStringLiteral("inspecting.md")},
                                                    {QStringLiteral("retrieve"), QStringLiteral("retrieving.md")},
                                                    {QStringLiteral("cascade"), QStringLiteral("image-search.md")},
                                                    {QStringLiteral("train"), QStringLiteral("watching-runs.md")},
                                                    {QStringLiteral("nodes"), QStringLiteral("nodes.md")}};
    if (const auto file = chapter_of.constFind(page); file != chapter_of.constEnd())
        open(QDir(folder_).filePath(*file));
}

void ManualPage::follow(const QUrl& link) {
    const QString path = QDir::cleanPath(QFileInfo(file_).dir().filePath(link.path()));
    if (!link.scheme().isEmpty())
        QDesktopServices::openUrl(link);
    else if (link.path().isEmpty())
        open(file_, link.fragment());
    else if (QFileInfo(path).suffix() == QLatin1String("md"))
        open(path, link.fragment());
    else if (QFileInfo::exists(path))
        QDesktopServices::openUrl(QUrl::fromLocalFile(path));
    else
        context().notices.post({.id = QStringLiteral("manual"),
                                .severity = Severity::Warning,
                                .text = tr("%1 is not installed.").arg(QDir::toNativeSeparators(path))});
}

void ManualPage::open(const QString& path, const QString& anchor) {
    QFile source(path);
    if (!source.open(QIODevice::ReadOnly)) {
        context().notices.post({.id = QStringLiteral("manual"),
                                .severity = Severity::Warning,
                                .text = tr("%1 cannot be opened: %2.")
                                            .arg(QDir::toNativeSeparators(path), source.errorString())});
        return;
    }
    QString text = QString::fromUtf8(source.readAll());
    if (text.startsWith(QStringLiteral("<!--"))) // the licence line
        text.remove(0, text.indexOf(QStringLiteral("-->")) + 3);
    file_ = path;
    view_->setSearchPaths({QFileInfo(path).path()});
    view_->document()->setDefaultFont(context().themes.uiFont(13.5));
    view_->setMarkdown(text.trimmed());
    if (!anchor.isEmpty())
        view_->showHeading(anchor);
    markChapter();
}

// The list says where one is; no chapter is chosen while a file is shown that a chapter points to.
void ManualPage::markChapter() {
    const QSignalBlocker quiet(chapters_);
    QListWidgetItem* shown = nullptr;
    for (int row = 0; row < chapters_->count(); ++row) {
        if (QDir(folder_).filePath(chapters_->item(row)->data(Qt::UserRole).toString()) == file_)
            shown = chapters_->item(row);
    }
    chapters_->setCurrentItem(shown);
}

} // namespace fulgurite
