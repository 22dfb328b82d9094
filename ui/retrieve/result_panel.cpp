// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/result_panel.h"

#include "core/base/error.h"
#include "ui/base/background.h"
#include "ui/base/theme_manager.h"
#include "ui/retrieve/result_plot.h"

#include <QComboBox>
#include <QDir>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <optional>
#include <utility>

namespace fulgurite {
namespace {

enum View { kWords, kPlot };
constexpr int kMostTold = 3; // files that could not be read, by name

QStringList droppedFiles(const QMimeData* data) {
    QStringList paths;
    for (const QUrl& url : data->urls()) {
        const QString path = url.toLocalFile();
        if (!path.isEmpty() &&
            (path.endsWith(QLatin1String(".json"), Qt::CaseInsensitive) || QFileInfo(path).isDir())) {
            paths << path;
        }
    }
    return paths;
}

} // namespace

ResultPanel::ResultPanel(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      stack_(new QStackedWidget),
      message_(new QLabel),
      offer_(new QPushButton(tr("Open result files…"))),
      plot_(new ResultPlot(themes)),
      controls_(new QWidget),
      sources_box_(new QComboBox),
      figures_box_(new QComboBox),
      open_(new QPushButton) {
    setAcceptDrops(true);
    auto* words = new QWidget;
    auto* centre = new QVBoxLayout(words);
    message_->setProperty("tone", "muted");
    message_->setWordWrap(true);
    message_->setAlignment(Qt::AlignCenter);
    centre->addStretch(1);
    centre->addWidget(message_);
    centre->addWidget(offer_, 0, Qt::AlignHCenter);
    centre->addStretch(1);
    stack_->addWidget(words);
    stack_->addWidget(plot_);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->addWidget(stack_);
    buildControls();
    connect(offer_, &QPushButton::clicked, this, &ResultPanel::askForFiles);
    connect(sources_box_, &QComboBox::currentIndexChanged, this, &ResultPanel::showSource);
    connect(figures_box_, &QComboBox::currentIndexChanged, this, [this] {
        wanted_figure_ = figures_box_->currentData().toString();
        showFigure();
    });
    connect(plot_, &ResultPlot::stepWanted, this, &ResultPanel::stepFigure);
    listSources(-1);
}

void ResultPanel::buildControls() {
    auto* line = new QHBoxLayout(controls_);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(6);
    sources_box_->setAccessibleName(tr("Result file or evaluation"));
    figures_box_->setAccessibleName(tr("Plot"));
    for (QComboBox* box : {figures_box_, sources_box_}) {
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(14);
        line->addWidget(box);
    }
    open_->setText(tr("Open…"));
    open_->setToolTip(tr("Result files of the MRAG project, or of “eval --out”"));
    auto* menu = new QMenu(open_);
    menu->addAction(themes_.icon(QStringLiteral("file")), tr("Result files…"), this, &ResultPanel::askForFiles);
    menu->addAction(themes_.icon(QStringLiteral("folder-open")), tr("A folder of result files…"), this,
                    &ResultPanel::askForFolder);
    menu->addSeparator();
    QAction* close = menu->addAction(themes_.icon(QStringLiteral("close")), tr("Close this file"), this,
                                     &ResultPanel::closeFile);
    connect(menu, &QMenu::aboutToShow, this,
            [this, close] { close->setEnabled(shown() != nullptr && !shown()->path.isEmpty()); });
    connect(open_, &QPushButton::clicked, this, [this, menu] {
        if (reading_) { // the button says "Cancel"
            queue_.clear();
            return;
        }
        menu->popup(open_->mapToGlobal(QPoint(0, open_->height())));
    });
    line->addWidget(open_);
}

// On another thread.
template <class Open>
ResultPanel::Read ResultPanel::read(const QString& name, const Open& open) {
    Read read{name, {}, {}};
    try {
        for (retrieval::Figure& figure : resultFigures(open())) {
            read.figures.push_back(std::make_shared<const retrieval::Figure>(std::move(figure)));
        }
        if (read.figures.empty()) {
            read.problem =
                tr("%1 has nothing that the plots compare: they need standard and mrag, split or fusion.")
                    .arg(name);
        }
    } catch (const std::exception& error) {
        read.problem = QString::fromUtf8(error.what());
    }
    return read;
}

QStringList ResultPanel::filesIn(const QStringList& paths) {
    QStringList files;
    for (const QString& path : paths) {
        if (!QFileInfo(path).isDir()) {
            files << path;
            continue;
        }
        const QDir folder(path);
        for (const QString& name : folder.entryList({QStringLiteral("*.json")}, QDir::Files, QDir::Name)) {
            files << folder.filePath(name);
        }
    }
    return files;
}

void ResultPanel::open(const QStringList& paths) {
    if (paths.isEmpty()) {
        return;
    }
    inBackground(
        this, [paths] { return filesIn(paths); },
        [this, paths](const QStringList& files) {
            if (files.isEmpty()) {
                emit failed(tr("%1 has no result files: their names end with .json.").arg(paths.front()));
                return;
            }
            queue_ += files;
            total_ += static_cast<int>(files.size());
            if (!reading_) {
                reading_ = true;
                open_->setText(tr("Cancel"));
                readNext();
            }
        });
}

void ResultPanel::readNext() {
    if (queue_.isEmpty()) {
        endReading();
        return;
    }
    const QString path = queue_.takeFirst();
    plot_->setBusy(true,
                   total_ > 1 ? std::optional(1 - static_cast<double>(queue_.size() + 1) / total_) : std::nullopt);
    inBackground(
        this, [path] { return read(path, [&path] { return retrieval::ResultFile::read(path.toStdString()); }); },
        [this](Read read) {
            takeFile(std::move(read));
            readNext();
        });
}

void ResultPanel::takeFile(Read read) {
    if (!read.problem.isEmpty()) {
        told_ << read.problem;
        return;
    }
    const auto known = std::find_if(sources_.begin(), sources_.end(),
                                    [&read](const Source& each) { return each.path == read.path; });
    const auto at = known != sources_.end()
                        ? known
                        : sources_.insert(std::find_if(sources_.begin(), sources_.end(),
                                                       [](const Source& each) { return each.path.isEmpty(); }),
                                          Source{QFileInfo(read.path).fileName(), read.path, {}, {}, {}, false});
    at->figures = std::move(read.figures);
    const bool first = std::exchange(show_next_, false);
    const auto current = first ? at - sources_.begin() : std::max(0, sources_box_->currentIndex());
    listSources(static_cast<int>(current));
}

void ResultPanel::endReading() {
    reading_ = false;
    show_next_ = true;
    open_->setText(tr("Open…"));
    plot_->setBusy(false);
    if (!told_.isEmpty()) {
        QString text = told_.mid(0, kMostTold).join(QStringLiteral("; "));
        if (told_.size() > kMostTold) {
            text += tr("; and %1 more").arg(told_.size() - kMostTold);
        }
        emit failed(total_ > 1 ? tr("%1 of %2 files were not read: %3").arg(told_.size()).arg(total_).arg(text)
                               : text);
    }
    told_.clear();
    total_ = 0;
}

QStringList ResultPanel::openFiles() const {
    QStringList paths;
    for (const Source& each : sources_) {
        if (!each.path.isEmpty()) {
            paths << each.path;
        }
    }
    return paths;
}

void ResultPanel::closeFile() {
    if (const Source* source = shown(); source != nullptr && !source->path.isEmpty()) {
        const int at = sources_box_->currentIndex();
        sources_.erase(sources_.begin() + at);
        listSources(std::min(at, static_cast<int>(sources_.size()) - 1));
    }
}

void ResultPanel::askForFiles() {
    open(QFileDialog::getOpenFileNames(this, tr("Open result files"), {}, tr("Result files (*.json)")));
}

void ResultPanel::askForFolder() {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Open a folder of result files"));
    if (!folder.isEmpty()) {
        open({folder});
    }
}

void ResultPanel::setEvaluations(const std::vector<client::Evaluation>& evaluations) {
    const Source before = shown() == nullptr ? Source() : *shown();
    std::vector<Source> files;
    std::vector<Source> records;
    for (Source& each : sources_) {
        (each.path.isEmpty() ? records : files).push_back(std::move(each));
    }
    const bool fresh = !evaluations.empty() &&
                       (records.empty() || records.front().record.toStdString() != evaluations.front().record);
    sources_ = std::move(files);
    const auto first_record = static_cast<int>(sources_.size());
    for (const client::Evaluation& each : evaluations) {
        const QString record = QString::fromStdString(each.record);
        const auto known = std::find_if(records.begin(), records.end(),
                                        [&record](const Source& old) { return old.record == record; });
        sources_.push_back(known != records.end()
                               ? std::move(*known)
                               : Source{tr("Evaluation %1").arg(record), {}, record, {}, {}, false});
    }
    int current = sources_.empty() ? -1 : 0;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (sources_[i].path == before.path && sources_[i].record == before.record) {
            current = static_cast<int>(i);
        }
    }
    listSources(fresh && before.path.isEmpty() ? first_record : current);
}

void ResultPanel::takeRecord(const QString& record, std::shared_ptr<const std::string> file,
                             const QString& problem) {
    const auto take = [this, record](Read read) {
        const auto at = std::find_if(sources_.begin(), sources_.end(),
                                     [&record](const Source& each) { return each.record == record; });
        if (at == sources_.end()) {
            return; // of a collection that is no longer shown
        }
        at->figures = std::move(read.figures);
        at->problem = read.problem;
        if (&*at == shown()) {
            showSource();
        }
    };
    if (!file) {
        take({record, {}, problem});
        return;
    }
    inBackground(
        this,
        [record, file] {
            return read(record,
                        [&] { return retrieval::ResultFile::parse(*file, "evaluation " + record.toStdString()); });
        },
        take);
}

ResultPanel::Source* ResultPanel::shown() {
    const int at = sources_box_->currentIndex();
    return at >= 0 && at < static_cast<int>(sources_.size()) ? &sources_[static_cast<std::size_t>(at)] : nullptr;
}

void ResultPanel::listSources(int current) {
    {
        const QSignalBlocker quiet(sources_box_);
        sources_box_->clear();
        for (const Source& each : sources_) {
            sources_box_->addItem(each.title);
            sources_box_->setItemData(sources_box_->count() - 1, each.path, Qt::ToolTipRole);
        }
        sources_box_->setCurrentIndex(current);
    }
    sources_box_->setVisible(!sources_.empty());
    showSource();
}

// The same plot as before, where the source has it.
void ResultPanel::showSource() {
    Source* source = shown();
    {
        const QSignalBlocker quiet(figures_box_);
        figures_box_->clear();
        for (const auto& figure : source == nullptr ? Figures() : source->figures) {
            figures_box_->addItem(QString::fromStdString(figure->title), QString::fromStdString(figure->name));
        }
        figures_box_->setCurrentIndex(std::max(0, figures_box_->findData(wanted_figure_)));
    }
    figures_box_->setVisible(figures_box_->count() > 0);
    if (source != nullptr && !source->record.isEmpty() && source->figures.empty() && source->problem.isEmpty()) {
        plot_->setBusy(true);
        if (isVisible() && !std::exchange(source->asked, true)) {
            emit recordWanted(source->record);
        }
    } else if (!reading_) {
        plot_->setBusy(false);
    }
    showFigure();
}

void ResultPanel::showFigure() {
    const Source* source = shown();
    if (source == nullptr) {
        say(tr("The plots of the Multi-Head RAG paper, from numbers: drop its result files, or a folder of them, "
               "here; "
               "or evaluate a query set."),
            true);
        return;
    }
    if (!source->problem.isEmpty()) {
        say(source->problem, false);
        return;
    }
    const int at = figures_box_->currentIndex();
    plot_->setFigure(at < 0 ? nullptr : source->figures[static_cast<std::size_t>(at)], source->title);
    message_text_.clear();
    stack_->setCurrentIndex(kPlot);
    if (at >= 0) {
        emit figureShown();
    }
}

void ResultPanel::stepFigure(int by) {
    const int next = figures_box_->currentIndex() + by;
    if (next >= 0 && next < figures_box_->count()) {
        figures_box_->setCurrentIndex(next);
    }
}

void ResultPanel::say(const QString& message, bool offer) {
    message_text_ = message;
    message_->setText(message);
    offer_->setVisible(offer);
    stack_->setCurrentIndex(kWords);
}

// The numbers of an own evaluation are asked for when somebody looks.
void ResultPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    showSource();
}

void ResultPanel::dragEnterEvent(QDragEnterEvent* event) {
    if (!droppedFiles(event->mimeData()).isEmpty()) {
        event->acceptProposedAction();
    }
}

void ResultPanel::dropEvent(QDropEvent* event) {
    open(droppedFiles(event->mimeData()));
    event->acceptProposedAction();
}

} // namespace fulgurite
