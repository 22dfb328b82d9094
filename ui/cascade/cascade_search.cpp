// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/cascade_search.h"

#include "ui/engine/engine_link.h"

#include <QUndoCommand>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

// While a library is read, and else: folders are watched, and others may search the same library.
constexpr int kReadingMilliseconds = 250;
constexpr int kIdleMilliseconds = 4000;
constexpr int kLedgerMilliseconds = 2000;
// What a first chain keeps after each stage but the last; the paper's cut-offs.
constexpr std::array<std::size_t, 2> kUsualKeep{50, 10};

} // namespace

class QuestionChange : public QUndoCommand {
  public:
    QuestionChange(CascadeSearch& search, const QString& what, CascadeQuestion after)
        : QUndoCommand(what), search_(search), before_(search.question()), after_(std::move(after)) {}
    void undo() override { search_.apply(before_); }
    void redo() override { search_.apply(after_); }

  private:
    CascadeSearch& search_;
    CascadeQuestion before_;
    CascadeQuestion after_;
};

CascadeSearch::CascadeSearch(EngineLink& link, QObject* parent)
    : QObject(parent), link_(link), courier_(std::make_shared<Courier>(this)) {
    poll_.setInterval(kIdleMilliseconds);
    connect(&poll_, &QTimer::timeout, this, [this] { askLibraries(true); });
    connect(&link_, &EngineLink::clientChanged, this, &CascadeSearch::followEngine);
    connect(&link_, &EngineLink::infoChanged, this, &CascadeSearch::followEngine);
}

CascadeSearch::~CascadeSearch() {
    courier_->close();
}

client::CascadeClient* CascadeSearch::client() const {
    return why().isEmpty() ? link_.client()->cascade() : nullptr;
}

QString CascadeSearch::why() const {
    if (!link_.client() || !link_.info())
        return tr("The engine is not ready yet. Image search begins as soon as it is.");
    if (link_.current().facts().kind != client::ServerKind::Fulgurite)
        return link_.whyNot("cascade");
    const auto& can = link_.info()->capabilities;
    if (std::find(can.begin(), can.end(), "cascade") == can.end() || !link_.client()->cascade())
        return tr(
            "This engine keeps no image libraries: it was started without --data, or its libraries could not be "
            "opened. Its log says which, and why.");
    return {};
}

void CascadeSearch::followEngine() {
    ++engine_;
    query_call_.reset();
    libraries_.clear();
    emit availabilityChanged();
    refresh();
}

void CascadeSearch::refresh() {
    if (client()) {
        askEncoders();
        askLibraries();
    }
}

const client::ImageLibrary* CascadeSearch::library() const {
    const auto found = std::find_if(libraries_.begin(), libraries_.end(),
                                    [this](const client::ImageLibrary& each) { return each.id == library_; });
    return found == libraries_.end() ? nullptr : &*found;
}

const client::ImageEncoder* CascadeSearch::encoder(const std::string& id) const {
    const auto found = std::find_if(encoders_.begin(), encoders_.end(),
                                    [&id](const client::ImageEncoder& each) { return each.id == id; });
    return found == encoders_.end() ? nullptr : &*found;
}

void CascadeSearch::askLibraries(bool only_changes) {
    if (!client())
        return;
    client()->libraries(onWindow<std::vector<client::ImageLibrary>>([this, only_changes](const auto& outcome) {
        if (!outcome.ok()) {
            poll_.stop();
            emit failed(QString::fromUtf8(outcome.error().what()));
        } else if (!only_changes || outcome.value() != libraries_) {
            takeLibraries(outcome.value());
        }
    }));
}

// The ledger follows: while images are encoded, and when somebody else has searched.
void CascadeSearch::takeLibraries(std::vector<client::ImageLibrary> libraries) {
    const bool was_reading = library() && library()->scan;
    libraries_ = std::move(libraries);
    const bool reading = std::any_of(libraries_.begin(), libraries_.end(),
                                     [](const client::ImageLibrary& each) { return each.scan.has_value(); });
    poll_.start(reading ? kReadingMilliseconds : kIdleMilliseconds);
    emit librariesChanged();
    if (!library() && !libraries_.empty()) {
        chooseLibrary(libraries_.front().id);
    } else if (library()) {
        const bool ended = was_reading && !library()->scan;
        const bool searched = ledger_ && ledger_->queries != library()->queries && !searching();
        const bool stale = library()->scan && ledger_age_.hasExpired(kLedgerMilliseconds);
        if (ended || searched || stale)
            askLedger();
    }
}

void CascadeSearch::askEncoders() {
    client()->encoders(onWindow<std::vector<client::ImageEncoder>>([this](const auto& outcome) {
        if (!outcome.ok()) {
            emit failed(QString::fromUtf8(outcome.error().what()));
            return;
        }
        encoders_ = outcome.value();
        // A chain that names an encoder which is not here any more begins anew.
        const bool known = std::all_of(question_.stages.begin(), question_.stages.end(),
                                       [this](const auto& stage) { return encoder(stage.encoder); });
        if (question_.stages.empty() || !known)
            question_.stages = usualChain();
        emit encodersChanged();
        emit questionChanged();
        askLedger();
    }));
}

std::vector<client::CascadeStage> CascadeSearch::usualChain() const {
    std::vector<client::CascadeStage> chain;
    for (const client::ImageEncoder& encoder : encoders_)
        chain.push_back({encoder.id, {}});
    for (std::size_t i = 0; i + 1 < chain.size(); ++i)
        chain[i].keep = kUsualKeep[std::min(i, kUsualKeep.size() - 1)];
    return chain;
}

void CascadeSearch::chooseLibrary(std::int64_t id) {
    if (id == library_)
        return;
    cancel();
    library_ = id;
    answer_.reset();
    ledger_.reset();
    select({});
    emit libraryChanged();
    emit answerChanged();
    emit ledgerChanged();
    askLedger();
}

void CascadeSearch::takeLibrary(const client::Outcome<client::ImageLibrary>& outcome) {
    if (!outcome.ok())
        emit failed(QString::fromUtf8(outcome.error().what()));
    askLibraries();
}

void CascadeSearch::createLibrary(const QString& name, const QStringList& folders) {
    if (!client())
        return;
    std::vector<std::string> paths;
    for (const QString& folder : folders)
        paths.push_back(folder.toStdString());
    client()->create(name.toStdString(), paths, onWindow<client::ImageLibrary>([this](const auto& outcome) {
                         if (outcome.ok()) {
                             libraries_.push_back(outcome.value());
                             chooseLibrary(outcome.value().id);
                             scan("start");
                         }
                         takeLibrary(outcome);
                     }));
}

void CascadeSearch::addFolders(const QStringList& folders) {
    if (!client() || !library())
        return;
    std::vector<std::string> paths = library()->folders;
    for (const QString& folder : folders) {
        if (std::find(paths.begin(), paths.end(), folder.toStdString()) == paths.end())
            paths.push_back(folder.toStdString());
    }
    client()->setFolders(library_, paths, onWindow<client::ImageLibrary>([this](const auto& outcome) {
                             if (outcome.ok())
                                 scan("start");
                             takeLibrary(outcome);
                         }));
}

void CascadeSearch::removeLibrary() {
    if (!client() || !library())
        return;
    cancel();
    client()->remove(library_, onWindow<bool>([this](const auto& outcome) {
                         if (!outcome.ok()) {
                             emit failed(QString::fromUtf8(outcome.error().what()));
                             return;
                         }
                         chooseLibrary(0);
                         askLibraries();
                     }));
}

void CascadeSearch::scan(const char* action) {
    if (client() && library_ != 0)
        client()->scan(library_, action,
                       onWindow<client::ImageLibrary>([this](const auto& outcome) { takeLibrary(outcome); }));
}

void CascadeSearch::change(const QString& what, CascadeQuestion question) {
    undo_.push(new QuestionChange(*this, what, std::move(question)));
}

void CascadeSearch::apply(const CascadeQuestion& question) {
    question_ = question;
    emit questionChanged();
    if (!question_.terms.empty())
        search();
}

void CascadeSearch::setTerms(std::vector<client::CascadeTerm> terms) {
    CascadeQuestion question = question_;
    question.terms = std::move(terms);
    change(tr("Change the terms"), std::move(question));
}

void CascadeSearch::setKeep(std::size_t stage, std::size_t keep) {
    CascadeQuestion question = question_;
    if (stage + 1 >= question.stages.size())
        return;
    question.stages[stage].keep = std::max<std::size_t>(keep, 1);
    // A later stage never keeps more than it gets.
    for (std::size_t i = stage + 1; i + 1 < question.stages.size(); ++i)
        question.stages[i].keep = std::min(*question.stages[i].keep, *question.stages[i - 1].keep);
    change(tr("Move a cut"), std::move(question));
}

void CascadeSearch::search() {
    cancel();
    if (!client() || library_ == 0 || question_.terms.empty() || question_.stages.empty())
        return;
    client::CascadeQuery query;
    query.terms = question_.terms;
    query.stages = question_.stages;
    query_call_ = client()->query(
        library_, query,
        onWindow<client::CascadeAnswer>([this, mine = ++query_, asked = question_](const auto& outcome) {
            if (mine != query_)
                return;
            query_call_.reset();
            if (!outcome.ok()) {
                emit failed(QString::fromUtf8(outcome.error().what()));
                emit answerChanged();
                return;
            }
            answer_ = std::make_shared<const client::CascadeAnswer>(outcome.value());
            answered_ = asked;
            if (!answer_->results.empty())
                select(answer_->results.front().image);
            emit answerChanged();
            askLedger();
        }));
    emit searchStarted();
}

void CascadeSearch::cancel() {
    if (query_call_) {
        ++query_;
        query_call_->cancel();
        query_call_.reset();
        emit answerChanged();
    }
}

void CascadeSearch::askLedger() {
    if (!client() || library_ == 0)
        return;
    ledger_age_.start();
    client()->ledger(library_, onWindow<client::CascadeLedger>([this, library = library_](const auto& outcome) {
                         if (library != library_)
                             return;
                         if (outcome.ok())
                             ledger_ = std::make_shared<const client::CascadeLedger>(outcome.value());
                         else
                             emit failed(QString::fromUtf8(outcome.error().what()));
                         emit ledgerChanged();
                     }));
}

void CascadeSearch::select(std::optional<client::ImageId> image) {
    if (image != selected_) {
        selected_ = image;
        emit selectionChanged(image);
    }
}

} // namespace fulgurite
